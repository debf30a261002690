"""A file with a single INT8 layer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewise.export.engines import importing

with importing("Testing", "openvino"):
    import openvino as ov
    from openvino import opset8


@pytest.fixture
def written() -> Callable[..., Path]:
    """A function that writes the file; see `_written`."""
    return _written


def _written(path: Path, steps: NDArray[np.int8], groups: int = 1, zero: int | None = None) -> Path:
    """A file with a single INT8 layer, of weights (O, I, kh, kw), whose input is a picture of 5 x 5 pixels.

    `zero` makes the weights unsigned, with this zero point.
    """
    source = opset8.parameter([1, 3, 5, 5], np.float32, name="x")
    low, high = (opset8.constant(np.float32(value)) for value in (0, 1))
    rounded = opset8.fake_quantize(opset8.relu(source), low, high, low, high, levels=256)
    shape = (groups, len(steps) // groups, *steps.shape[1:]) if groups > 1 else steps.shape
    stored = opset8.constant(steps.reshape(shape) if zero is None else (steps + zero).astype(np.uint8))
    weight = opset8.convert(stored, "f32")
    if zero is not None:
        weight = opset8.subtract(weight, opset8.constant(np.float32(zero)))
    weight = opset8.multiply(weight, opset8.constant(np.float32(1 / 127)))
    layer = opset8.group_convolution if groups > 1 else opset8.convolution
    features = layer(rounded, weight, [1, 1], [0, 0], [0, 0], [1, 1])
    features.set_friendly_name("layer")
    logits = opset8.reduce_mean(features, np.array([2, 3]), keep_dims=False)
    ov.save_model(ov.Model([logits.output(0)], [source]), path, compress_to_fp16=False)
    return path
