"""What the INT8 layers of an ONNX file compute from."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgewise.runtime.onnx import watch

Write: TypeAlias = Callable[..., Path]

STEPS = np.full((4, 3, 3, 2), 127, np.int8)


@pytest.fixture
def picture() -> np.ndarray:
    """(1, 5, 5, 3) on steps of 1/255."""
    return np.random.default_rng(0).integers(0, 256, (1, 5, 5, 3)).astype(np.float32) / 255


def test_a_convolution(written: Write, tmp_path: Path, picture: np.ndarray) -> None:
    ((layer, activations),) = watch(written(tmp_path / "one.onnx", STEPS), {"layer"})(picture)
    assert np.array_equal(activations, np.rint(picture.transpose(0, 3, 1, 2) * 255))
    assert np.array_equal(layer.steps, STEPS)
    geometry = layer.groups, layer.strides, layer.dilations, layer.before, layer.after, layer.zero
    assert geometry == (1, (1, 1), (1, 1), (0, 0), (0, 0), 0)


def test_a_matrix_product(written: Write, tmp_path: Path, picture: np.ndarray) -> None:
    path = written(tmp_path / "one.onnx", np.full((4, 3, 1, 1), 127, np.int8), head="MatMul")
    ((layer, activations),) = watch(path, {"layer"})(picture)
    assert np.array_equal(activations, np.rint(picture.mean((1, 2)) * 255))
    assert layer.steps.shape == (4, 3)


def test_signed_activations_are_shifted(written: Write, tmp_path: Path, picture: np.ndarray) -> None:
    path = written(tmp_path / "one.onnx", STEPS)
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name == "zero":
            tensor.CopyFrom(numpy_helper.from_array(np.array(-128, np.int8), "zero"))
        if tensor.name == "y_zero":
            tensor.CopyFrom(numpy_helper.from_array(np.array(0, np.int8), "y_zero"))
    (conv,) = [node for node in model.graph.node if node.op_type == "Conv"]
    conv.attribute.append(onnx.helper.make_attribute("pads", [1, 0, 2, 0]))
    onnx.save(model, path)
    ((layer, activations),) = watch(path, {"layer"})(picture)
    assert np.array_equal(activations, np.rint(picture.transpose(0, 3, 1, 2) * 255))
    assert (layer.before, layer.after, layer.zero) == ((1, 0), (2, 0), 0)


def test_layers_that_were_not_asked_for(written: Write, tmp_path: Path, picture: np.ndarray) -> None:
    assert list(watch(written(tmp_path / "one.onnx", STEPS), set())(picture)) == []
