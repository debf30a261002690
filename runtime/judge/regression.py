"""Whether a model is worse than an older one, by measures that each have an interval."""

from dataclasses import dataclass

import numpy as np

from .drop import Verdict, verdict_of
from .stats import Interval, Logits

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


def lost_sqnr(old: tuple[Logits, Logits], new: tuple[Logits, Logits]) -> tuple[float, Interval]:
    """By how many dB the median SQNR of logits falls, with its 95 % interval from a bootstrap over pictures.

    Each pair is a float model's logits (N, C) and those of the model made from it, for the same pictures.
    """
    before, after = (_sqnr_db(*pair) for pair in (old, new))
    picks, count = np.random.default_rng(_SEED), len(before)
    drawn = (picks.integers(0, count, count) for _ in range(_DRAWS))
    losses = [np.median(before[sample]) - np.median(after[sample]) for sample in drawn]
    low, high = np.percentile(losses, [2.5, 97.5])
    lost = float(np.median(before) - np.median(after))
    return lost, Interval(min(float(low), lost), max(float(high), lost))


def median_db(exact: Logits, other: Logits) -> float:
    """The median SQNR over pictures in dB."""
    return float(np.median(_sqnr_db(exact, other)))


def _sqnr_db(exact: Logits, other: Logits) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """The SQNR of each picture's logits without their mean, (N,)."""
    first, second = (side.astype(np.float64) - side.mean(1, keepdims=True) for side in (exact, other))
    signal, noise = np.square(first).sum(1), np.square(first - second).sum(1)
    least = np.maximum(signal * _FINEST, np.finfo(np.float32).tiny)
    return 10 * np.log10(np.maximum(signal, least) / np.maximum(noise, least))  # type: ignore[no-any-return]
