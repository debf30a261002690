"""Whether a model is worse than an older one, by measures that each have an interval."""

from dataclasses import dataclass

import numpy as np

from .drop import Verdict, verdict_of
from .stats import Interval, Vector
from .tally import Tally

_DRAWS, _SEED = 2000, 0
_FINEST = 1e-15  # relative to the signal: the limit of float32


@dataclass(frozen=True, slots=True)
class Check:
    """One measure of a new model beside an old one: how much worse it is, and how much is allowed.

    `worse` and its 95 % `interval` are in `unit`, negative where the new model is better. A measure without
    chance, such as a size, has an interval of no width.
    """

    name: str
    baseline: str
    found: str
    worse: float
    interval: Interval
    allowed: float
    unit: str

    @property
    def verdict(self) -> Verdict:
        """PASS if the whole interval is allowed, FAIL if none of it is, otherwise INCONCLUSIVE."""
        return verdict_of(self.interval, self.allowed)

    @property
    def text(self) -> str:
        """The figures in words."""
        low, high = self.interval.low, self.interval.high
        change = f"worse by {self.worse:.2f}" if self.worse > 0 else f"better by {-self.worse:.2f}"
        chance = f" (95 % interval {low:.2f} to {high:.2f})" if high > low else ""
        return (
            f"{self.name} was {self.baseline} and is {self.found}: {change} {self.unit}{chance}, "
            f"{self.allowed:g} allowed"
        )


def lost_sqnr(old: Tally, new: Tally) -> tuple[float, Interval]:
    """By how many dB the median SQNR of logits falls, with its 95 % interval from a bootstrap over pictures.

    Each is of a float model and of the model made from it, for the same pictures.
    """
    before, after = _sqnr_db(old), _sqnr_db(new)
    picks, count = np.random.default_rng(_SEED), len(before)
    drawn = (picks.integers(0, count, count) for _ in range(_DRAWS))
    losses = [np.median(before[sample]) - np.median(after[sample]) for sample in drawn]
    low, high = np.percentile(losses, [2.5, 97.5])
    lost = float(np.median(before) - np.median(after))
    return lost, Interval(min(float(low), lost), max(float(high), lost))


def median_db(tally: Tally) -> float:
    """The median over pictures of the second session's SQNR beside the first, in dB."""
    return float(np.median(_sqnr_db(tally)))


def _sqnr_db(tally: Tally) -> Vector:
    """The SQNR of each picture's logits without their mean, (N,)."""
    signal, noise = tally.sides[0]["energy"], tally.pair(0, 1)["noise"]
    least = np.maximum(signal * _FINEST, np.finfo(np.float32).tiny)
    return np.asarray(10 * np.log10(np.maximum(signal, least) / np.maximum(noise, least)))
