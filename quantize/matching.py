"""Find the tensors of a target's float graph among those of the captured graph, by what they hold.

Converters keep neither names nor operators, so the evidence decides: the same few pictures run through the
target's float graph, and a tensor is matched with the node whose statistics agree on each of them. In 12
networks of the zoo, on three targets, a tensor and its node differed by a relative 1e-4 at most (3e-4 in
EfficientNet-B0, most by less than 2e-5), and the nearest node of other values by 1e-4 to 3e-2. A tensor
without a match is measured by running all pictures through the target's float graph, which is right for
whatever a converter makes of a network, and slower.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..models.spec import Tensor32
from .calibration import Calibration
from .measured import PICTURES, ExtremesCollector, Measured, Range, Ranges, Statistics, bounds, statistics

# Runs a picture, (1, H, W, C), and returns the values of the tensors that it was made for.
Observe: TypeAlias = Callable[[Tensor32], Sequence[NDArray[Any]]]

_CLOSE = 5e-4  # relative to the largest magnitude
_TIES = 10.0  # times the distance of the best: others that might as well be meant
_FINEST = 1e-6  # the limit of float32 for sums of many values


def tensor_ranges(
    names: Sequence[str],
    observer: Callable[[Sequence[str]], Observe],
    measured: Measured,
    calibration: Calibration,
    rule: str,
) -> dict[str, Range]:
    """The ranges of the tensors `names` of a target's float graph: those of the network where they match.

    `observer` prepares the graph to show the values of the tensors that it is given.
    """
    nodes = match(_statistics(names, observer(names), calibration), measured)
    shared: Ranges = measured.ranges(rule)
    found = {name: shared[node] for name, node in nodes.items()}
    if missing := [name for name in names if name not in found]:
        found |= _own_ranges(missing, observer(missing), calibration, rule)
    return found


def match(tensors: Mapping[str, Statistics], measured: Measured) -> dict[str, str]:
    """The node of the captured graph for each tensor; those that are not certain are left out.

    Where several nodes agree, as before and behind a reshape, they must have had the same extremes on every
    calibration picture; one for which a range was chosen goes first.
    """
    names = list(measured.statistics)
    known = np.stack([measured.statistics[name] for name in names])
    found: dict[str, str] = {}
    for tensor, seen in tensors.items():
        scale = np.maximum(np.abs(seen[:, :2]).max(axis=1), np.finfo(np.float32).tiny)
        distances = (np.abs(known - seen).max(axis=2) / scale).max(axis=1)
        best = int(distances.argmin())
        if not distances[best] <= _CLOSE:
            continue
        ties = np.flatnonzero(distances <= max(_TIES * distances[best], _FINEST))
        own = measured.extremes[names[best]]
        if all(own.equals(measured.extremes[names[tie]], _CLOSE) for tie in ties):
            chosen = (names[tie] for tie in ties if names[tie] in measured.chosen)
            found[tensor] = next(chosen, names[best])
    return found


def _statistics(names: Sequence[str], observe: Observe, calibration: Calibration) -> dict[str, Statistics]:
    seen = [list(map(statistics, observe(picture[None]))) for picture in calibration.batch(PICTURES)]
    return {name: np.stack([picture[at] for picture in seen]) for at, name in enumerate(names)}


def _own_ranges(
    names: Sequence[str], observe: Observe, calibration: Calibration, rule: str
) -> dict[str, Range]:
    record = ExtremesCollector()
    for picture in calibration.inputs():
        for name, values in zip(names, observe(picture), strict=True):
            record.add(name, *bounds(values))
    return {name: extremes.range(rule) for name, extremes in record.extremes().items()}
