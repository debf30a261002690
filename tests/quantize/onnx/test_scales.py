"""Products that are absorbed into scales, and products that must not be."""

from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

from edgewise.export.onnx.graph import strip
from edgewise.quantize.onnx.scales import absorb

X = np.linspace(-3, 5, 60, dtype=np.float32).reshape(1, 3, 4, 5)
CONSTANTS: dict[str, Any] = {
    "scale": np.float32(8 / 255),
    "zero": np.uint8(96),
    "coarse": np.float32(0.3),
    "sixth": np.float32(1 / 6),
    "minus": np.float32(-1 / 6),
    "each": np.full((3, 1, 1), 1 / 6, np.float32),
    "all_steps": np.uint8(255),
    "step": np.float32(1 / 6 / 255),
    "none": np.uint8(0),
}


def rounded(name: str, scale: str = "scale") -> list[NodeProto]:
    return [
        helper.make_node("QuantizeLinear", [name, scale, "zero"], [f"{name}_steps"]),
        helper.make_node("DequantizeLinear", [f"{name}_steps", scale, "zero"], [f"{name}_rounded"]),
    ]


def multiplied(*inputs: str, output: str = "y") -> NodeProto:
    return helper.make_node("Mul", inputs, [output])


def model_of(*nodes: NodeProto, output: str = "y_rounded") -> ModelProto:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, X.shape) for name in ("x", output)]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in CONSTANTS.items()]
    graph = helper.make_graph(nodes, "product", ends[:1], ends[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def run(model: ModelProto) -> Any:
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": X})[0]


def products(model: ModelProto) -> int:
    strip(model)
    return sum(node.op_type == "Mul" for node in model.graph.node)


@pytest.mark.parametrize("inputs", [("x_rounded", "sixth"), ("sixth", "x_rounded"), ("x_rounded", "stored")])
def test_a_product_by_a_constant_becomes_a_scale(inputs: tuple[str, str]) -> None:
    stored = helper.make_node("DequantizeLinear", ["all_steps", "step", "none"], ["stored"])
    model = model_of(*rounded("x"), stored, multiplied(*inputs), *rounded("y", "coarse"))
    exact = run(model_of(*rounded("x"), output="x_rounded")) / 6
    before = np.abs(run(model) - exact).max()
    absorb(model)
    assert products(model) == 0
    assert np.abs(run(model) - exact).max() < 1e-6 < before  # the second rounding is gone too


def test_consecutive_products_become_scales() -> None:
    first = multiplied("x_rounded", "sixth")
    second = multiplied("y_rounded", "sixth", output="z")
    model = model_of(*rounded("x"), first, *rounded("y"), second, *rounded("z"), output="z_rounded")
    absorb(model)
    assert products(model) == 0
    assert np.abs(run(model) - run(model_of(*rounded("x"), output="x_rounded")) / 36).max() < 1e-6


@pytest.mark.parametrize(
    "nodes",
    [
        (*rounded("x"), multiplied("x_rounded", "minus"), *rounded("y")),
        (*rounded("x"), multiplied("x_rounded", "each"), *rounded("y")),
        (*rounded("x"), multiplied("x_rounded", "x_rounded"), *rounded("y")),
        (multiplied("x", "sixth"), *rounded("y")),
    ],
    ids=["negative", "per channel", "square", "of float"],
)
def test_other_products_stay(nodes: tuple[NodeProto, ...]) -> None:
    model = model_of(*nodes)
    before = run(model)
    absorb(model)
    assert products(model) == 1
    assert np.array_equal(run(model), before)


def test_a_product_that_is_read_in_float_stays() -> None:
    model = model_of(*rounded("x"), multiplied("x_rounded", "sixth"), output="y")
    absorb(model)
    assert products(model) == 1
