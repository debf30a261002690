"""A file with a single INT8 layer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture
def written() -> Callable[..., Path]:
    """A function that writes the file; see `_written`."""
    return _written


def _written(path: Path, steps: NDArray[np.int8], groups: int = 1, head: str = "Conv") -> Path:
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
