"""Pairs of products that exceed 16 bits, and weights without them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewise.export import pairs
from edgewise.export.pairs import excess, fitted, is_depthwise


def drawn(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def rounded(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Plain rounding to 8 bits per channel."""
    others = tuple(range(1, weight.ndim))
    scale = np.abs(weight).max(others, keepdims=True) / np.float32(127)
    return np.asarray(np.rint(weight / scale), np.float32)


def error(weight: NDArray[np.float32], values: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.square(weight - values).mean()))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([64, 64, 0, 0], (0, 128 * 255)),
        ([65, 64, 0, 0], (1, 129 * 255)),
        ([-65, -64, 0, 0], (1, 129 * 255)),
        ([127, -127, 127, -127], (0, 0)),
        ([0, 127, 127, 0], (0, 0)),
        ([127, 127, -128, -1], (2, 254 * 255)),
        ([127, 1, 127], (0, 128 * 255)),
    ],
)
def test_neighbours_of_the_same_sign_exceed_16_bits_beyond_a_sum_of_128(
    steps: list[int], expected: tuple[int, int]
) -> None:
    assert excess(np.array([steps], np.int8)) == expected


@pytest.mark.parametrize(
    ("places", "count"),
    [
        ([(0, 0), (0, 1)], 1),  # two channels of a position
        ([(0, 1), (0, 2)], 0),
        ([(0, 2), (1, 0)], 1),  # through the whole kernel, the last channel has the next position's first
        ([(1, 0), (1, 1)], 1),  # where each position begins again
        ([(1, 1), (1, 2)], 1),
        ([(0, 0), (1, 0)], 0),
    ],
)
def test_both_orders_of_an_odd_number_of_channels_count(places: list[tuple[int, int]], count: int) -> None:
    steps = np.zeros((1, 3, 1, 2), np.int8)
    for position, channel in places:
        steps[0, channel, 0, position] = 100
    assert excess(steps)[0] == count


@pytest.mark.parametrize("shape", [(64, 320, 1, 1), (32, 3, 3, 3), (40, 640), (8, 5, 3, 3), (16, 1, 5, 5)])
@pytest.mark.parametrize("per_channel", [True, False])
def test_fitted_weights_cannot_exceed_16_bits_and_are_closer_than_seven_bits(
    shape: tuple[int, ...], per_channel: bool
) -> None:
    weight = drawn(*shape)
    found = fitted(weight, per_channel=per_channel)
    assert found is not None
    assert excess(rounded(weight).astype(np.int8))[0] > 0
    assert excess(found.steps)[0] == 0
    assert found.steps.shape == shape
    widest = np.abs(weight).max(tuple(range(1, weight.ndim)) if per_channel else None, keepdims=True)
    seven = np.rint(weight / (widest / 64)) * (widest / 64)
    assert error(weight, found.values) < error(weight, seven)
    assert np.unique(found.scale).size == (len(weight) if per_channel else 1)


def test_channels_that_cannot_exceed_them_keep_eight_bits() -> None:
    weight = drawn(2, 64)
    weight[0, 1::2] = 0  # its neighbours are all zero
    found = fitted(weight)
    assert found is not None
    assert np.array_equal(found.steps[0], rounded(weight)[0])
    assert found.scale[0] == np.abs(weight[0]).max() / np.float32(127)
    assert np.abs(found.steps[0]).max() == 127


def test_weights_that_cannot_exceed_them_are_left_alone() -> None:
    weight = drawn(8, 64)
    weight[:, 1::2] *= np.float32(1e-3)
    assert fitted(weight) is None
    assert fitted(np.zeros((4, 8), np.float32)) is None


def test_the_worst_pair_is_moved_to_the_nearest_safe_one() -> None:
    weight = 20 * drawn(1, 4000)
    weight[0, :2] = 127, 5  # 4 too many, which is not worth a coarser scale for 3998 others
    weight = np.clip(weight, -60, 127)
    weight[0, 2:] = np.minimum(weight[0, 2:], 60)
    found = fitted(weight)
    assert found is not None
    assert found.scale[0] == 1
    assert found.steps[0, :2].tolist() == [125, 3]
    assert np.array_equal(found.steps[0, 2:], np.rint(weight[0, 2:]))


@pytest.mark.parametrize(
    ("shape", "groups", "expected"),
    [((8, 1, 3, 3), 8, True), ((8, 1, 3, 3), 4, False), ((8, 1, 3, 3), 1, False), ((1, 1, 3, 3), 1, False)],
)
def test_depthwise(shape: tuple[int, ...], groups: int, expected: bool) -> None:
    assert is_depthwise(shape, groups) == expected


def test_the_same_weights_are_fitted_once_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "_recent", {})
    monkeypatch.setattr(pairs, "_MOST_WEIGHTS", 1000)
    weight = drawn(8, 16, 3, 3)  # 1152 weights alone are too many
    first = fitted(weight)
    assert first is not None
    again = fitted(weight.copy())
    assert again is not None
    assert np.array_equal(again.steps, first.steps)
    assert np.array_equal(again.scale, first.scale)
    assert again is not first
    small = weight[:2]
    kept = fitted(small)
    assert kept is not None
    assert fitted(small.copy()) is kept
    assert fitted(small, per_channel=False) is not kept
    other = fitted(small + 1)
    assert other is not None
    assert not np.array_equal(other.steps, kept.steps)
    with pytest.raises(ValueError, match="read-only"):
        kept.steps[0] = 0
