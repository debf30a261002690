"""Compressed weights: which ones, along which axis, and how accurately they are restored."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

from edgewise.quantize.onnx.weights import store_halves, store_integers

RANDOM = np.random.default_rng(0)


def model_of(node: NodeProto, weight: NDArray[Any], x: NDArray[Any]) -> ModelProto:
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def run(model: ModelProto, x: NDArray[Any]) -> Any:
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


@pytest.mark.parametrize(
    ("operator", "options", "weight", "x", "axis"),
    [
        ("Conv", {}, (5, 3, 2, 2), (1, 3, 4, 4), 0),
        ("Conv", {"group": 3}, (3, 1, 2, 2), (1, 3, 4, 4), 0),
        ("ConvTranspose", {}, (3, 5, 2, 2), (1, 3, 4, 4), 1),
        ("Gemm", {"transB": 1}, (5, 3), (2, 3), 0),
        ("Gemm", {}, (3, 5), (2, 3), 1),
        ("MatMul", {}, (3, 5), (1, 2, 3), 1),
    ],
)
def test_every_output_channel_has_a_scale(
    operator: str, options: dict[str, Any], weight: tuple[int, ...], x: tuple[int, ...], axis: int
) -> None:
    shape = [-1 if dim == axis else 1 for dim in range(len(weight))]
    spread = np.logspace(-3, 3, weight[axis], dtype=np.float32).reshape(shape)
    values = RANDOM.normal(size=weight).astype(np.float32) * spread
    picture = RANDOM.normal(size=x).astype(np.float32)
    model = model_of(helper.make_node(operator, ["x", "w"], ["y"], **options), values, picture)
    exact = run(model, picture)
    store_integers(model)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    assert stored["w_int8"].dtype == np.int8
    assert stored["w_scale"].size == weight[axis]
    error = np.abs(stored["w_int8"] * stored["w_scale"] - values)
    assert (error <= 0.501 * stored["w_scale"]).all()
    assert np.allclose(run(model, picture), exact, atol=0.02 * np.abs(exact).max())


def test_a_channel_of_zeros_stays_zero() -> None:
    weight, x = np.zeros((2, 3), np.float32), np.ones((1, 3), np.float32)
    weight[0] = 1
    model = model_of(helper.make_node("Gemm", ["x", "w"], ["y"], transB=1), weight, x)
    store_integers(model)
    assert run(model, x) == pytest.approx(np.array([[3, 0]]))


@pytest.mark.parametrize("store", [store_halves, store_integers])
def test_other_constants_stay(store: Callable[[ModelProto], None]) -> None:
    weight, x = np.full((2, 3), 0.1, np.float32), np.ones((2, 3), np.float32)
    model = model_of(helper.make_node("Mul", ["x", "w"], ["y"]), weight, x)
    before = model.SerializeToString()
    store(model)
    assert model.SerializeToString() == before


def test_a_shared_weight_is_stored_once() -> None:
    weight, x = np.eye(3, dtype=np.float32), np.ones((1, 3), np.float32)
    model = model_of(helper.make_node("MatMul", ["x", "w"], ["z"]), weight, x)
    model.graph.node.append(helper.make_node("MatMul", ["z", "w"], ["y"]))
    store_halves(model)
    assert [node.op_type for node in model.graph.node] == ["Cast", "MatMul", "MatMul"]
    assert np.array_equal(run(model, x), x)
