"""What was seen of a network's tensors: the range of each, and statistics that tell it from the others.

The network is run once over the calibration pictures, in PyTorch, and every target takes its ranges from
that: see `refine/measure.py` for the pass and `matching.py` for how a target finds its tensors in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

PICTURES = 4  # that statistics are taken of, as many as a float graph is compared by

Statistics: TypeAlias = NDArray[np.float64]  # (pictures, 4), see `statistics`


class Range(NamedTuple):
    """The smallest and the largest value that INT8 has to represent."""

    low: float
    high: float


Ranges: TypeAlias = Mapping[str, Range]  # by the name of a node of the captured graph


@dataclass(frozen=True, slots=True, eq=False)
class Extremes:
    """The minimum and the maximum of a tensor for each calibration picture, (pictures,)."""

    lows: NDArray[np.float32]
    highs: NDArray[np.float32]

    def range(self, rule: str) -> Range:
        """The range of an activation, by one of the rules that `recipe.RANGES` lists."""
        if rule == "mean-min-max":
            return Range(float(self.lows.mean()), float(self.highs.mean()))
        return Range(float(self.lows.min()), float(self.highs.max()))

    def equals(self, other: "Extremes", tolerance: float) -> bool:
        """Whether both are the same on every picture, to `tolerance` times the largest magnitude."""
        ours, theirs = (np.stack([found.lows, found.highs]) for found in (self, other))
        return bool(np.abs(ours - theirs).max() <= tolerance * np.abs(ours).max())


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The extremes over all calibration pictures, and the statistics of the first `PICTURES` of them.

    The keys are names of nodes of the captured graph, or NODE/PART for what converters make of one node.
    `chosen` are the ranges of the nodes for which `refine/ranges.py` has chosen one.
    """

    extremes: Mapping[str, Extremes]
    statistics: Mapping[str, Statistics]
    chosen: Ranges = field(default_factory=dict)

    def ranges(self, rule: str) -> Ranges:
        """The range of every tensor by that rule, or the one that was chosen for it."""
        return {name: found.range(rule) for name, found in self.extremes.items()} | dict(self.chosen)


def statistics(values: NDArray[Any]) -> NDArray[np.float64]:
    """Minimum, maximum, mean and root mean square: the same in whatever order a format stores the values."""
    exact = _finite(values).astype(np.float64)
    return np.array([exact.min(), exact.max(), exact.mean(), np.sqrt(np.square(exact).mean())])


def bounds(values: NDArray[Any]) -> Range:
    """The smallest and the largest finite value; both 0 if there is none.

    Masks and paddings are infinite where a value must never win. INT8 has no infinity, only a lowest integer.
    """
    finite = _finite(values)
    return Range(float(finite.min()), float(finite.max()))


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    flat = values.ravel()
    known = np.isfinite(flat)
    if known.all():
        return flat
    return flat[known] if known.any() else np.zeros(1, flat.dtype)


class ExtremesCollector:
    """Collects the extremes of tensors, picture by picture."""

    def __init__(self) -> None:
        self._lows: dict[str, list[float]] = {}
        self._highs: dict[str, list[float]] = {}

    def add(self, name: str, low: float, high: float) -> None:
        """Note the extremes of the tensor `name` for the next picture."""
        self._lows.setdefault(name, []).append(low)
        self._highs.setdefault(name, []).append(high)

    def extremes(self) -> dict[str, Extremes]:
        """Those of every tensor."""
        lows, highs = (self._arrays(found) for found in (self._lows, self._highs))
        return {name: Extremes(lows[name], highs[name]) for name in lows}

    @staticmethod
    def _arrays(found: Mapping[str, Iterable[float]]) -> dict[str, NDArray[np.float32]]:
        return {name: np.array(list(values), np.float32) for name, values in found.items()}
