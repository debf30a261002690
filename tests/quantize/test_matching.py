"""Tensors are matched with nodes by evidence, and only where it is clear."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewise.models.spec import Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.matching import Observe, match, tensor_ranges
from edgewise.quantize.measured import PICTURES, ExtremesCollector, Measured, Range, statistics

Make = Callable[[Tensor32], NDArray[Any]]

MADE: dict[str, Make] = {
    "input": lambda x: x,
    "double": lambda x: 2 * x,
    "square": lambda x: x * x,
    "turned": lambda x: x.transpose(0, 3, 1, 2),
}


def measured(made: dict[str, Make], calibration: Calibration) -> Measured:
    collector = ExtremesCollector()
    for picture in calibration.inputs():
        for name, make in made.items():
            collector.add(name, make(picture).min(), make(picture).max())
    few = calibration.batch(PICTURES)
    known = {
        name: np.stack([statistics(make(picture[None])) for picture in few]) for name, make in made.items()
    }
    return Measured(collector.extremes(), known)


def seen(make: Make, calibration: Calibration) -> NDArray[np.float64]:
    return np.stack([statistics(make(picture[None])) for picture in calibration.batch(PICTURES)])


def test_a_tensor_is_found_in_another_order_and_with_the_rounding_of_float32(
    tiny_calibration: Calibration,
) -> None:
    noise = np.random.default_rng(0).normal(0, 1e-6, (1, 32, 32, 3))
    tensors = {
        "a": seen(lambda x: (2 * x).transpose(0, 2, 1, 3), tiny_calibration),
        "b": seen(lambda x: x * x + noise, tiny_calibration),
        "c": seen(lambda x: x, tiny_calibration),
    }
    found = match(tensors, measured(MADE, tiny_calibration))
    assert (found["a"], found["b"]) == ("double", "square")
    assert found["c"] in {"input", "turned"}


def test_a_tensor_of_other_values_is_left_out(tiny_calibration: Calibration) -> None:
    tensors = {
        "cube": seen(lambda x: x**3, tiny_calibration),
        "shifted": seen(lambda x: x + 0.01, tiny_calibration),
        "infinite": seen(lambda x: x - np.inf, tiny_calibration),
    }
    assert match(tensors, measured(MADE, tiny_calibration)) == {}


def test_nodes_that_only_agree_on_the_first_pictures_are_not_certain(tiny_calibration: Calibration) -> None:
    known = measured(MADE, tiny_calibration)
    tensors = {"a": seen(MADE["input"], tiny_calibration)}
    assert match(tensors, known)
    known.extremes["turned"].highs[-1] /= 2  # now the last picture tells it from the input
    assert match(tensors, known) == {}


@pytest.mark.parametrize("name", ["input", "turned"])
def test_of_nodes_that_agree_the_one_with_a_chosen_range_is_meant(
    tiny_calibration: Calibration, name: str
) -> None:
    known = replace(measured(MADE, tiny_calibration), chosen={name: Range(0, 1)})
    assert match({"a": seen(MADE["input"], tiny_calibration)}, known) == {"a": name}


def test_only_tensors_without_a_match_are_measured_again(tiny_calibration: Calibration) -> None:
    tensors: dict[str, Make] = {
        "first": MADE["double"],
        "unknown": lambda x: x**3,
        "second": MADE["square"],
    }
    asked: list[tuple[Sequence[str], int]] = []

    def observer(names: Sequence[str]) -> Observe:
        asked.append((names, 0))

        def observe(picture: Tensor32) -> list[NDArray[Any]]:
            asked[-1] = names, asked[-1][1] + 1
            return [tensors[name](picture) for name in names]

        return observe

    known = measured(MADE, tiny_calibration)
    found = tensor_ranges([*tensors], observer, known, tiny_calibration, "min-max")
    assert asked == [(["first", "unknown", "second"], PICTURES), (["unknown"], 32)]
    pictures = tiny_calibration.batch(32)
    assert found["unknown"] == ((pictures**3).min(), (pictures**3).max())
    shared = known.ranges("min-max")
    assert [found["first"], found["second"]] == [shared["double"], shared["square"]]
    mean = tensor_ranges(["unknown"], observer, known, tiny_calibration, "mean-min-max")["unknown"]
    lows = (pictures**3).min((1, 2, 3))
    assert mean.low == np.float32(lows.mean())
