"""Ranges from the extremes of single pictures."""

import numpy as np
import pytest

from edgewise.quantize.measured import Extremes, ExtremesCollector, Measured, Range, bounds, statistics
from edgewise.quantize.recipe import RANGES


def extremes(*pairs: tuple[float, float]) -> Extremes:
    lows, highs = np.array(pairs, np.float32).T
    return Extremes(lows, highs)


def test_a_range_spans_all_pictures_or_the_mean_picture() -> None:
    found = extremes((-1, 2), (-3, 4), (-2, 12))
    assert {rule: found.range(rule) for rule in RANGES} == {
        "min-max": Range(-3, 12),
        "mean-min-max": Range(-2, 6),
        "least-error": Range(-3, 12),  # of what no range was chosen for
    }


def test_every_node_gets_a_range() -> None:
    measured = Measured({"conv": extremes((0, 1), (0, 5)), "add": extremes((-1, 1), (-3, 1))}, {})
    assert measured.ranges("min-max") == {"conv": Range(0, 5), "add": Range(-3, 1)}
    assert measured.ranges("mean-min-max") == {"conv": Range(0, 3), "add": Range(-2, 1)}


def test_extremes_are_the_same_to_a_tolerance_of_the_largest() -> None:
    exact = extremes((-1, 100), (0, 50))
    assert exact.equals(extremes((-1.05, 100), (0, 50.05)), 1e-3)
    assert not exact.equals(extremes((-1, 100), (0, 50.2)), 1e-3)
    zeros = extremes((0, 0), (0, 0))
    assert zeros.equals(zeros, 0)


def test_extremes_are_collected_picture_by_picture() -> None:
    collector = ExtremesCollector()
    for low, high in ((-1, 1), (-2, 3)):
        collector.add("x", low, high)
    collector.add("y", 0, 1)
    found = collector.extremes()
    assert [*found["x"].lows, *found["x"].highs] == [-1, -2, 1, 3]
    assert len(found["y"].lows) == 1


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1)])
def test_statistics_do_not_depend_on_the_order_of_values(axes: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(3, 2, (1, 4, 5, 6)).astype(np.float32)
    found = statistics(values.transpose(axes))
    np.testing.assert_allclose(found[:2], [values.min(), values.max()])
    np.testing.assert_allclose(found[2:], [values.mean(), np.sqrt((values**2).mean())], rtol=1e-5)


def test_infinite_values_have_no_part_in_bounds_and_statistics() -> None:
    masked = np.array([[3, -np.inf], [-1, 2]], np.float32)
    assert bounds(masked) == Range(-1, 3)
    np.testing.assert_array_equal(statistics(masked), statistics(np.array([3, -1, 2], np.float32)))
    assert bounds(np.full(3, -np.inf, np.float32)) == Range(0, 0)
