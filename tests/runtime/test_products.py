"""Counting the sums of pairs of INT8 products beyond 16 bits, beside a loop over every pair."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewise.runtime.products import Count, IntegerLayer, count


def by_hand(layer: IntegerLayer, activations: NDArray[np.uint8], *, whole: bool) -> Count:
    """Every sum of two neighbours of a convolution, which go through the `whole` kernel or begin again."""
    outputs, inputs, rows, columns = layer.steps.shape
    sides = zip(layer.before, layer.after, strict=True)
    padded = np.pad(activations, [(0, 0), (0, 0), *sides], constant_values=layer.zero).astype(int)
    height, width = (
        (padded.shape[2 + side] - (layer.steps.shape[2 + side] - 1) * layer.dilations[side] - 1)
        // layer.strides[side]
        + 1
        for side in (0, 1)
    )
    places = list(product(range(rows), range(columns), range(inputs)))
    if whole:
        pairs = list(zip(places[::2], places[1::2], strict=False))
    else:
        pairs = [
            ((row, column, first), (row, column, first + 1))
            for row, column in product(range(rows), range(columns))
            for first in range(0, inputs - 1, 2)
        ]
    exceeded = sums = changed = 0
    for picture, output, y, x in product(range(len(padded)), range(outputs), range(height), range(width)):
        first = output // (outputs // layer.groups) * inputs
        above = 0
        for pair in pairs:
            weights = [int(layer.steps[output, i, row, column]) for row, column, i in pair]
            values = [
                padded[
                    picture,
                    first + i,
                    y * layer.strides[0] + row * layer.dilations[0],
                    x * layer.strides[1] + column * layer.dilations[1],
                ]
                for row, column, i in pair
            ]
            if weights[0] * weights[1] > 0 and abs(sum(weights)) > 128:
                sums += 1
                above += abs(np.dot(weights, values)) > 32767
        exceeded += above
        changed += above > 0
    return Count(exceeded, sums, changed, len(padded) * outputs * height * width)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("inputs", [4, 3])
@pytest.mark.parametrize(("strides", "dilations"), [((1, 1), (1, 1)), ((2, 1), (1, 2))])
def test_convolutions(groups: int, inputs: int, strides: tuple[int, int], dilations: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    steps = random.integers(-127, 128, (4, inputs, 3, 2)).astype(np.int8)
    layer = IntegerLayer("layer", steps, groups, strides, dilations, (1, 0), (2, 1), zero=200)
    activations = random.integers(0, 256, (2, groups * inputs, 6, 7)).astype(np.uint8)
    orders = [by_hand(layer, activations, whole=whole) for whole in (True, False)]
    expected = max(orders, key=lambda found: found.exceeded)
    assert expected.exceeded > 0
    assert count(layer, activations) == expected


def test_matrix_products() -> None:
    steps = np.array([[127, 127, 0, 64], [-100, -100, 127, 2], [127, -127, 64, 64]], np.int8)
    activations = np.array([[[255, 255, 255, 255], [1, 1, 1, 1], [201, 59, 0, 0]]], np.uint8)
    # Three pairs can exceed 16 bits: (127, 127), which does twice, and (-100, -100) and (127, 2), once each.
    assert count(IntegerLayer("head", steps), activations) == Count(4, 9, 3, 9)


def test_activations_too_small_to_exceed() -> None:
    layer = IntegerLayer("layer", np.full((2, 2), 127, np.int8))
    assert count(layer, np.full((5, 2), 129, np.uint8)) == Count(0, 10, 0, 10)
    assert count(layer, np.full((5, 2), 130, np.uint8)) == Count(10, 10, 10, 10)


def test_shares_and_sums() -> None:
    total = Count(1, 4, 1, 10) + Count(0, 6, 0, 10)
    assert (total, total.share, Count().share) == (Count(1, 10, 1, 20), 0.05, 0)
