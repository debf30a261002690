"""Summaries of measured times: percentiles of one run, and the ratio of two interleaved runs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...models.errors import UsageError
from ..judge.stats import Interval

_FEWEST_FOR_P99 = 100


@dataclass(frozen=True, slots=True)
class Ratio:
    """Median of a over median of b, from `count` pairs of times."""

    ratio: float
    interval: Interval
    count: int


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of times in milliseconds; `p99_ms` is None below 100 samples, which are too few for it."""

    count: int
    mean_ms: float
    min_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float | None


def bootstrap_ratio(
    a: ArrayLike, b: ArrayLike, *, seed: int = 0, draws: int = 2000, blocks: int | None = None
) -> Ratio:
    """Median of `a` over median of `b` for two interleaved runs of times, paired by index.

    Pairs are resampled, so that slowdowns common to both runs cancel out; the interval is the
    percentile interval (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). It is
    too narrow for a handful of pairs. The same input and seed give the same result.

    If runs alternate in turns of many times each, neighbouring times are correlated: then whole blocks are
    resampled, with `blocks` blocks of equal length, each longer than a turn (chapter 8.6; Carlstein, Ann.
    Stat. 14:1171, 1986).

    Raises:
        UsageError: fewer than two pairs, unequal lengths, or a time that is not above zero.
    """
    top, bottom = _times("first run", a, 2), _times("second run", b, 2)
    if len(top) != len(bottom):
        raise UsageError(f"{len(top)} and {len(bottom)} times: interleaved runs must have equal numbers")
    picks = np.random.default_rng(seed)
    stretches = np.array_split(np.arange(len(top)), min(blocks or len(top), len(top)))
    ratios = np.empty(draws)
    for draw in range(draws):
        drawn = picks.integers(0, len(stretches), len(stretches))
        pairs = np.concatenate([stretches[place] for place in drawn])
        ratios[draw] = np.median(top[pairs]) / np.median(bottom[pairs])
    low, high = np.percentile(ratios, [2.5, 97.5])
    ratio = float(np.median(top) / np.median(bottom))
    return Ratio(ratio, Interval(float(low), float(high)), len(top))


def percentiles(samples_ms: ArrayLike) -> Percentiles:
    """Summarise times in milliseconds; percentiles interpolate linearly between order statistics.

    Raises:
        UsageError: no samples, or a time that is not above zero.
    """
    times = _times("latency", samples_ms, 1)
    p50, p90, p99 = (float(value) for value in np.percentile(times, [50, 90, 99]))
    shown = p99 if len(times) >= _FEWEST_FOR_P99 else None
    return Percentiles(len(times), float(times.mean()), float(times.min()), p50, p90, shown)


def _times(name: str, samples: ArrayLike, fewest: int) -> NDArray[np.float64]:
    times = np.asarray(samples, np.float64)
    if times.ndim != 1 or len(times) < fewest:
        raise UsageError(f"{name}: must be a list of at least {fewest} times, not {times.shape}")
    if not (np.isfinite(times).all() and times.min() > 0):
        raise UsageError(f"{name}: times must be finite and above zero, found {times.min()} to {times.max()}")
    return times
