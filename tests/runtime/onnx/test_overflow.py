"""ONNX files whose INT8 products can or cannot exceed 16 bits, beside what ONNX Runtime computes."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from edgewise.export.pairs import fitted
from edgewise.models.spec import Tensor32
from edgewise.runtime.machine import saturates
from edgewise.runtime.onnx.session import open_exact, open_session, read_structure
from edgewise.runtime.structure import Overflow

Write: TypeAlias = Callable[..., Path]

BRIGHT = np.ones((2, 5, 5, 3), np.float32)  # quantized to 255 everywhere


def answers(path: Path) -> tuple[Tensor32, Tensor32]:
    """What this machine computes, and exact arithmetic."""
    return open_session(path, 1)(BRIGHT), open_exact(path, 1)(BRIGHT)


@pytest.mark.parametrize("head", ["Conv", "MatMul"])
@pytest.mark.parametrize(
    ("channels", "overflows"), [((127, 127, 0), True), ((127, 0, 127), False), ((64, 64, -64), False)]
)
def test_a_layer_overflows_where_the_engine_saturates(
    written: Write, tmp_path: Path, head: str, channels: tuple[int, int, int], overflows: bool
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
    written: Write, tmp_path: Path, first: tuple[int, int], second: tuple[int, int]
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


def test_depthwise_layers_do_not_overflow(written: Write, tmp_path: Path) -> None:
    path = written(tmp_path / "one.onnx", np.full((3, 1, 3, 3), 127, np.int8), groups=3)
    assert read_structure(path).overflow == ()
    here, exact = answers(path)
    assert np.array_equal(here, exact)


@pytest.mark.parametrize("seed", range(4))
def test_fitted_weights_are_the_same_everywhere(written: Write, tmp_path: Path, seed: int) -> None:
    weight = np.abs(np.random.default_rng(seed).standard_normal((64, 3, 3, 3))).astype(np.float32)
    grid = fitted(weight)
    assert grid is not None
    plain = np.rint(weight / weight.max((1, 2, 3), keepdims=True) * 127).astype(np.int8)
    for steps, safe in ((plain, False), (grid.steps, True)):
        path = written(tmp_path / "one.onnx", steps)
        assert (read_structure(path).overflow == ()) == safe
        here, exact = answers(path)
        assert np.array_equal(here, exact) == (safe or not saturates())
