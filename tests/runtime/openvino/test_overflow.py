"""OpenVINO files whose INT8 products can or cannot exceed 16 bits, beside what the CPU plugin computes."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from edgewise.export.pairs import fitted
from edgewise.runtime.machine import saturates
from edgewise.runtime.openvino.session import open_exact, open_session, read_structure
from edgewise.runtime.structure import Overflow

Write: TypeAlias = Callable[..., Path]

BRIGHT = np.ones((1, 5, 5, 3), np.float32)  # quantized to 255 everywhere


def is_exact(path: Path) -> bool:
    """Whether this machine computes the file as exact arithmetic does."""
    return bool(np.allclose(open_session(path, 1)(BRIGHT), open_exact(path, 1)(BRIGHT), rtol=1e-4, atol=1e-4))


@pytest.mark.parametrize(
    ("channels", "overflows"), [((127, 127, 0), True), ((127, 0, 127), False), ((64, 64, -64), False)]
)
def test_a_layer_overflows_where_the_engine_saturates(
    written: Write, tmp_path: Path, channels: tuple[int, int, int], overflows: bool
) -> None:
    steps = np.zeros((16, 3, 1, 1), np.int8)
    steps[1, :, 0, 0] = channels
    path = written(tmp_path / "one.xml", steps)
    assert read_structure(path).overflow == ((Overflow("layer", 1, 254 * 255),) if overflows else ())
    assert open_exact(path, 1)(BRIGHT)[0, 1] == pytest.approx(sum(channels) / 127, rel=1e-5)
    assert is_exact(path) == (not (overflows and saturates()))


def test_each_position_of_a_kernel_begins_again(written: Write, tmp_path: Path) -> None:
    steps = np.zeros((16, 3, 1, 3), np.int8)
    steps[:, :2, 0, 1] = 127  # numbers 3 and 4 of the whole kernel, which would be of two pairs
    path = written(tmp_path / "one.xml", steps)
    assert read_structure(path).overflow == (Overflow("layer", 16, 254 * 255),)
    assert is_exact(path) == (not saturates())


def test_depthwise_layers_do_not_overflow(written: Write, tmp_path: Path) -> None:
    path = written(tmp_path / "one.xml", np.full((3, 1, 3, 3), 127, np.int8), groups=3)
    assert read_structure(path).overflow == ()
    assert is_exact(path)


def test_fitted_weights_are_the_same_everywhere(written: Write, tmp_path: Path) -> None:
    weight = np.abs(np.random.default_rng(0).standard_normal((64, 3, 3, 3))).astype(np.float32)
    grid = fitted(weight)
    assert grid is not None
    plain = np.rint(weight / weight.max((1, 2, 3), keepdims=True) * 127).astype(np.int8)
    for steps, safe in ((plain, False), (grid.steps, True)):
        path = written(tmp_path / f"{safe}.xml", steps)
        assert (read_structure(path).overflow == ()) == safe
        assert is_exact(path) == (safe or not saturates())
