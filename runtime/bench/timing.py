"""Summaries of measured times: percentiles of one run, and the ratio of two interleaved runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...models.errors import UsageError
from ..judge.stats import Interval

_FEWEST_FOR_P99 = 100
FEWEST_LAUNCHES = 5  # for an interval
_STREAM_QUERIES, _STREAM_SECONDS = 1024, 60.0  # MLPerf Mobile's least
_STREAM_PERCENTILE, _STREAM_CONFIDENCE = 0.90, 0.99


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


@dataclass(frozen=True, slots=True)
class SingleStream:
    """A model alone, one picture after the other, as MLPerf's single-stream scenario reports it.

    `p90_ms` is LoadGen's early-stopping estimate: an upper bound of the 90th percentile with a confidence of
    99 %, None below 64 queries. `enough` says whether the run was as long as MLPerf Mobile demands: 1,024
    queries and 60 seconds. It is not an MLPerf result, for which model, data and review are prescribed.
    """

    queries: int
    seconds: float
    p90_ms: float | None
    enough: bool


def single_stream(samples_ms: Sequence[float]) -> SingleStream:
    """Summarise times in milliseconds as LoadGen does (MLPerf inference, loadgen/early_stopping.cc)."""
    count, seconds = len(samples_ms), sum(samples_ms) / 1000
    over = _over_latency(count)
    p90 = sorted(samples_ms)[count - over] if over else None
    return SingleStream(count, seconds, p90, count >= _STREAM_QUERIES and seconds >= _STREAM_SECONDS)


def _over_latency(count: int) -> int:
    """How many of `count` queries may exceed a bound that nine of ten stay below, to be sure of it.

    That is the largest number at which so few would be found in less than 1 % of runs if one in ten exceeded
    it.
    """
    slow, total = 1 - _STREAM_PERCENTILE, 0.0
    for over in range(count + 1):
        chosen = lgamma(count + 1) - lgamma(over + 1) - lgamma(count - over + 1)
        total += exp(chosen + over * log(slow) + (count - over) * log(1 - slow))
        if total > 1 - _STREAM_CONFIDENCE:
            return max(0, over - 1)
    return 0


def launch_medians(samples_ms: Sequence[float], launches: Sequence[int]) -> list[float]:
    """The median of each launch; `launches` are the numbers of samples, in order, that came from each."""
    ends = np.cumsum(launches)
    parts = [samples_ms[end - count : end] for count, end in zip(launches, ends, strict=True)]
    return [float(np.median(part)) for part in parts if len(part)]


def mean_interval(values: Sequence[float]) -> Interval:
    """The 95 % interval of the mean of at least five independent values, by Student's t."""
    middle, spread = float(np.mean(values)), float(np.std(values, ddof=1)) / len(values) ** 0.5
    reach = _student(len(values) - 1) * spread
    return Interval(middle - reach, middle + reach)


def _student(freedom: int) -> float:
    """The 97.5th percentile of Student's t, within 0.001 from 4 degrees of freedom on.

    By Cornish and Fisher's expansion (Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.5).
    """
    z = 1.959964
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(freedom) ** power for power, term in enumerate(terms, 1))


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
