"""OpenVINO files whose INT8 products can or cannot exceed 16 bits, beside what the CPU plugin computes."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewise.export.engines import importing
from edgewise.export.pairs import fitted
from edgewise.runtime.machine import saturates
from edgewise.runtime.openvino.session import open_exact, open_session, read_structure
from edgewise.runtime.structure import Overflow

with importing("Testing", "openvino"):
    import openvino as ov
    from openvino import opset8

BRIGHT = np.ones((1, 5, 5, 3), np.float32)  # quantized to 255 everywhere


def written(path: Path, steps: NDArray[np.int8], groups: int = 1, zero: int | None = None) -> Path:
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


def is_exact(path: Path) -> bool:
    """Whether this machine computes the file as exact arithmetic does."""
    return bool(np.allclose(open_session(path, 1)(BRIGHT), open_exact(path, 1)(BRIGHT), rtol=1e-4, atol=1e-4))


@pytest.mark.parametrize(
    ("channels", "overflows"), [((127, 127, 0), True), ((127, 0, 127), False), ((64, 64, -64), False)]
)
def test_a_layer_overflows_where_the_engine_saturates(
    tmp_path: Path, channels: tuple[int, int, int], overflows: bool
) -> None:
    steps = np.zeros((16, 3, 1, 1), np.int8)
    steps[1, :, 0, 0] = channels
    path = written(tmp_path / "one.xml", steps)
    assert read_structure(path).overflow == ((Overflow("layer", 1, 254 * 255),) if overflows else ())
    assert open_exact(path, 1)(BRIGHT)[0, 1] == pytest.approx(sum(channels) / 127, rel=1e-5)
    assert is_exact(path) == (not (overflows and saturates()))


def test_each_position_of_a_kernel_begins_again(tmp_path: Path) -> None:
    steps = np.zeros((16, 3, 1, 3), np.int8)
    steps[:, :2, 0, 1] = 127  # numbers 3 and 4 of the whole kernel, which would be of two pairs
    path = written(tmp_path / "one.xml", steps)
    assert read_structure(path).overflow == (Overflow("layer", 16, 254 * 255),)
    assert is_exact(path) == (not saturates())


def test_depthwise_layers_do_not_overflow(tmp_path: Path) -> None:
    path = written(tmp_path / "one.xml", np.full((3, 1, 3, 3), 127, np.int8), groups=3)
    assert read_structure(path).overflow == ()
    assert is_exact(path)


def test_fitted_weights_are_the_same_everywhere(tmp_path: Path) -> None:
    weight = np.abs(np.random.default_rng(0).standard_normal((64, 3, 3, 3))).astype(np.float32)
    grid = fitted(weight)
    assert grid is not None
    plain = np.rint(weight / weight.max((1, 2, 3), keepdims=True) * 127).astype(np.int8)
    for steps, safe in ((plain, False), (grid.steps, True)):
        path = written(tmp_path / f"{safe}.xml", steps)
        assert (read_structure(path).overflow == ()) == safe
        assert is_exact(path) == (safe or not saturates())
