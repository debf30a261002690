"""ONNX files whose INT8 products can or cannot exceed 16 bits, beside what ONNX Runtime computes."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgewise.export.pairs import fitted
from edgewise.models.spec import Tensor32
from edgewise.runtime.machine import saturates
from edgewise.runtime.onnx.session import open_exact, open_session, read_structure
from edgewise.runtime.structure import Overflow

BRIGHT = np.ones((2, 5, 5, 3), np.float32)  # quantized to 255 everywhere


def written(path: Path, steps: NDArray[np.int8], groups: int = 1, head: str = "Conv") -> Path:
    """A file with a single INT8 layer, of weights (O, I, kh, kw), whose input is a picture of 5 x 5 pixels.

    A matrix product reads the picture's three means.
    """
    constants = {
        "x_scale": np.float32(1 / 255),
        "zero": np.uint8(0),
        "layer.weight_quantized": steps
        if head == "Conv"
        else np.ascontiguousarray(steps.reshape(len(steps), -1).T),
        "scale": np.full(len(steps), 1 / 127, np.float32),
        "zeros": np.zeros(len(steps), np.int8),
        "y_scale": np.float32(0.125),
        "y_zero": np.uint8(128),
        "axes": np.array([2, 3]),
    }
    axis = 0 if head == "Conv" else 1
    grouped: dict[str, Any] = {"group": groups} if head == "Conv" else {}
    source = "x" if head == "Conv" else "means"
    nodes = [
        helper.make_node("QuantizeLinear", [source, "x_scale", "zero"], ["x_steps"]),
        helper.make_node("DequantizeLinear", ["x_steps", "x_scale", "zero"], ["x_again"]),
        helper.make_node(
            "DequantizeLinear", ["layer.weight_quantized", "scale", "zeros"], ["weight"], axis=axis
        ),
        helper.make_node(head, ["x_again", "weight"], ["y"], **grouped),
        helper.make_node("QuantizeLinear", ["y", "y_scale", "y_zero"], ["y_steps"]),
        helper.make_node("DequantizeLinear", ["y_steps", "y_scale", "y_zero"], ["y_again"]),
    ]
    mean = helper.make_node(
        "ReduceMean", ["y_again" if head == "Conv" else "x", "axes"], ["means"], keepdims=0
    )
    nodes = [*nodes, mean] if head == "Conv" else [mean, *nodes]
    output = "means" if head == "Conv" else "y_again"
    ends = (("x", [None, 3, 5, 5]), (output, [None, len(steps)]))
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ends]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "one", values[:1], values[1:], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    return path


def answers(path: Path) -> tuple[Tensor32, Tensor32]:
    """What this machine computes, and exact arithmetic."""
    return open_session(path, 1)(BRIGHT), open_exact(path, 1)(BRIGHT)


@pytest.mark.parametrize("head", ["Conv", "MatMul"])
@pytest.mark.parametrize(
    ("channels", "overflows"), [((127, 127, 0), True), ((127, 0, 127), False), ((64, 64, -64), False)]
)
def test_a_layer_overflows_where_the_engine_saturates(
    tmp_path: Path, head: str, channels: tuple[int, int, int], overflows: bool
) -> None:
    steps = np.zeros((4, 3, 1, 1), np.int8)
    steps[1, :, 0, 0] = channels
    path = written(tmp_path / "one.onnx", steps, head=head)
    expected = (Overflow("layer", 1, 254 * 255),) if overflows else ()
    assert read_structure(path).overflow == expected
    here, exact = answers(path)
    assert exact[0, 1] == pytest.approx(sum(channels) / 127, abs=0.07)
    assert np.array_equal(here, exact) == (not (overflows and saturates()))


@pytest.mark.parametrize(
    ("first", "second"), [((0, 0), (0, 1)), ((0, 2), (1, 0)), ((1, 1), (1, 2)), ((2, 0), (2, 1))]
)
def test_pairs_go_through_the_whole_kernel(
    tmp_path: Path, first: tuple[int, int], second: tuple[int, int]
) -> None:
    """ONNX Runtime's order, where oneDNN's would make other pairs: the certificate is for both."""
    steps = np.zeros((4, 3, 1, 3), np.int8)
    for position, channel in (first, second):
        steps[:, channel, 0, position] = 127
    path = written(tmp_path / "one.onnx", steps)
    assert read_structure(path).overflow == (Overflow("layer", 4, 254 * 255),)
    number = sorted(3 * position + channel for position, channel in (first, second))
    neighbours = number[0] % 2 == 0 and number[1] == number[0] + 1
    here, exact = answers(path)
    assert np.array_equal(here, exact) == (not (neighbours and saturates()))


def test_depthwise_layers_do_not_overflow(tmp_path: Path) -> None:
    path = written(tmp_path / "one.onnx", np.full((3, 1, 3, 3), 127, np.int8), groups=3)
    assert read_structure(path).overflow == ()
    here, exact = answers(path)
    assert np.array_equal(here, exact)


@pytest.mark.parametrize("seed", range(4))
def test_fitted_weights_are_the_same_everywhere(tmp_path: Path, seed: int) -> None:
    weight = np.abs(np.random.default_rng(seed).standard_normal((64, 3, 3, 3))).astype(np.float32)
    grid = fitted(weight)
    assert grid is not None
    plain = np.rint(weight / weight.max((1, 2, 3), keepdims=True) * 127).astype(np.int8)
    for steps, safe in ((plain, False), (grid.steps, True)):
        path = written(tmp_path / "one.onnx", steps)
        assert (read_structure(path).overflow == ()) == safe
        here, exact = answers(path)
        assert np.array_equal(here, exact) == (safe or not saturates())
