"""Summaries of times: properties of percentiles and of the paired bootstrap."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.models.errors import UsageError
from edgewise.runtime.bench.timing import (
    _student,
    bootstrap_ratio,
    launch_medians,
    mean_interval,
    percentiles,
    single_stream,
)

times = st.lists(st.floats(1e-3, 1e4), min_size=1, max_size=150)


@given(times)
def test_percentiles_are_ordered(samples: list[float]) -> None:
    found = percentiles(samples)
    assert min(samples) == found.min_ms <= found.p50_ms <= found.p90_ms <= max(samples)
    assert found.mean_ms == pytest.approx(sum(samples) / len(samples))
    assert found.count == len(samples)
    if found.p99_ms is None:
        assert len(samples) < 100
    else:
        assert len(samples) >= 100
        assert found.p90_ms <= found.p99_ms <= max(samples)


def test_percentiles_of_a_ramp() -> None:
    found = percentiles(np.arange(1, 102))
    assert (found.min_ms, found.p50_ms, found.p90_ms, found.p99_ms, found.mean_ms) == (1, 51, 91, 100, 51)
    assert percentiles(np.arange(1, 101)).p99_ms == pytest.approx(99.01)
    assert percentiles(np.arange(1, 100)).p99_ms is None


@settings(max_examples=25)
@given(st.lists(st.floats(1e-3, 1e4), min_size=2, max_size=40), st.floats(0.1, 10))
def test_a_run_that_is_always_slower_by_a_factor(samples: list[float], factor: float) -> None:
    slower = [factor * sample for sample in samples]
    found = bootstrap_ratio(slower, samples, draws=50)
    assert found.ratio == pytest.approx(factor)
    assert (found.interval.low, found.interval.high) == pytest.approx((factor, factor))


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(2, 60))
def test_the_ratio_is_between_the_extremes(seed: int, count: int) -> None:
    a, b = np.random.default_rng(seed).lognormal(size=(2, count))
    found = bootstrap_ratio(a, b, draws=200)
    assert a.min() / b.max() <= found.interval.low <= found.interval.high <= a.max() / b.min()
    assert found == bootstrap_ratio(a, b, draws=200)
    assert found.count == count


def test_slowdowns_of_both_runs_cancel_out() -> None:
    random = np.random.default_rng(0)
    load = random.lognormal(sigma=1, size=200)
    a, b = 1.1 * load * random.normal(1, 0.01, 200), load * random.normal(1, 0.01, 200)
    paired, broken = bootstrap_ratio(a, b).interval, bootstrap_ratio(a, random.permutation(b)).interval
    assert 1.05 < paired.low < 1.1 < paired.high < 1.15
    assert broken.high - broken.low > 5 * (paired.high - paired.low)


def test_the_interval_covers_the_true_ratio() -> None:
    random = np.random.default_rng(1)
    runs, held = 150, 0
    for _ in range(runs):
        a, b = random.lognormal(sigma=0.2, size=(2, 60))
        found = bootstrap_ratio(2 * a, b, draws=150).interval
        held += found.low <= 2 <= found.high
    assert 0.9 <= held / runs <= 0.99


def test_the_interval_covers_the_true_ratio_if_runs_take_turns() -> None:
    random = np.random.default_rng(2)
    runs, held, held_by_pairs = 40, 0, 0
    for _ in range(runs):
        turns = np.repeat(random.lognormal(sigma=0.1, size=(2, 50)), 20, axis=1)  # affects a whole turn
        a, b = turns * random.lognormal(sigma=0.02, size=(2, 1000))
        whole, pairs = bootstrap_ratio(a, b, draws=100, blocks=25), bootstrap_ratio(a, b, draws=100)
        held += whole.interval.low <= 1 <= whole.interval.high
        held_by_pairs += pairs.interval.low <= 1 <= pairs.interval.high
        assert whole.ratio == pairs.ratio
    assert 0.85 <= held / runs <= 0.99
    assert held_by_pairs / runs < 0.6


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1.0], [1.0], "at least 2"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "2 and 3 times"),
        ([1.0, 2.0], [1.0, 0.0], "second run: times must be finite and above zero"),
        ([1.0, np.nan], [1.0, 1.0], "first run"),
    ],
)
def test_invalid_times_are_refused(a: list[float], b: list[float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        bootstrap_ratio(a, b)


@pytest.mark.parametrize("samples", [[], [1.0, np.inf], [-1.0], [[1.0, 2.0]]])
def test_invalid_samples_are_refused(samples: list[float]) -> None:
    with pytest.raises(UsageError):
        percentiles(samples)


def test_records_are_json() -> None:
    for record in (percentiles([1.0, 2.0]), bootstrap_ratio([1.0, 2.0], [2.0, 3.0])):
        assert json.loads(json.dumps(asdict(record), allow_nan=False))["count"] == 2


@pytest.mark.parametrize(
    ("count", "discarded"), [(64, 0), (2048, 172), (2116, 178), (2145, 181), (7469, 685)]
)
def test_the_p90_of_a_single_stream_is_that_of_mlperf(count: int, discarded: int) -> None:
    """Each pair is from a published log of LoadGen, which says how many of the highest it would discard."""
    samples = [float(place) for place in range(1, count + 1)]
    found = single_stream(samples[::-1])
    assert found.p90_ms == count - discarded
    assert found.queries == count
    assert found.seconds == pytest.approx(sum(samples) / 1000)
    assert found.enough == (count >= 1024 and found.seconds >= 60)


def test_a_single_stream_of_few_queries_has_no_p90() -> None:
    assert single_stream([1.0] * 63).p90_ms is None


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(4, 2.7764), (5, 2.5706), (9, 2.2622), (29, 2.0452), (999, 1.9623)]
)
def test_students_quantiles_are_those_of_tables(freedom: int, quantile: float) -> None:
    assert _student(freedom) == pytest.approx(quantile, abs=0.001)


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(10, 1, (4000, 5))
    found = [mean_interval([*map(float, row)]) for row in draws]
    covered = sum(interval.low <= 10 <= interval.high for interval in found) / len(found)
    assert covered == pytest.approx(0.95, abs=0.01)


def test_medians_of_launches() -> None:
    assert launch_medians([1.0, 2.0, 3.0, 10.0, 20.0], [3, 2]) == [2.0, 15.0]
    assert launch_medians([1.0, 2.0, 3.0], [2, 0, 1, 4]) == [1.5, 3.0]  # the last was interrupted
