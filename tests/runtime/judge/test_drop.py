"""The accuracy gate: published intervals, exact coverage, and the number of images to settle it."""

import json
from dataclasses import asdict
from math import lgamma, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgewise.models.errors import UsageError
from edgewise.runtime.judge.drop import Drop, Verdict, drop, drop_interval

Answers = NDArray[np.bool_]


def answers(lost: int, gained: int, count: int) -> tuple[Answers, Answers]:
    """Answers of two models: only the first is right `lost` times, only the second `gained` times."""
    reference, candidate = np.ones(count, np.bool_), np.ones(count, np.bool_)
    candidate[:lost] = False
    reference[lost : lost + gained] = False
    return reference, candidate


def judged(lost: int, gained: int, count: int, limit: float) -> Drop:
    return drop(*answers(lost, gained, count), limit)


@st.composite
def tables(draw: st.DrawFn, largest: int = 300) -> tuple[int, int, int]:
    count = draw(st.integers(1, largest))
    lost = draw(st.integers(0, count))
    return lost, draw(st.integers(0, count - lost)), count


@pytest.mark.parametrize(
    ("lost", "gained", "count", "low", "high"),
    [
        # Fagerland, Lydersen & Laake, Statistical Analysis of Contingency Tables, 2017, chapter 8: the
        # data of Cavo et al. (2012), as their R package contingencytables prints it.
        (6, 16, 161, -11.95, -0.32),
        # The four examples of Bonett & Price and the manual's own, by Bonett's R package statpsych.
        (22, 50, 200, -21.98621, -5.736562),
        (12, 4, 39, 0.1300316, 38.89436),
        (25, 5, 100, 9.425814, 29.78987),
        (290, 515, 2097, -13.33205, -8.106726),
        (26, 4, 48, 25.48067, 62.51933),
    ],
)
def test_the_interval_matches_the_published_one(
    lost: int, gained: int, count: int, low: float, high: float
) -> None:
    found = judged(lost, gained, count, 1).interval
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.005)


@pytest.mark.parametrize(
    ("p_lost", "p_gained", "count"),
    [(0.05, 0.05, 100), (0.03, 0.02, 500), (0.10, 0.04, 200), (0.02, 0.01, 1000), (0.3, 0.2, 60)],
)
def test_the_interval_covers_the_true_drop(p_lost: float, p_gained: float, count: int) -> None:
    """Exact coverage: the multinomial probability of every table whose interval contains the true drop."""
    true = 100 * (p_lost - p_gained)
    logs = [lgamma(i + 1) for i in range(count + 1)]
    covered = total = 0.0
    for lost in range(min(count, int(count * p_lost + 60)) + 1):
        for gained in range(min(count - lost, int(count * p_gained + 60)) + 1):
            rest = count - lost - gained
            weight = logs[count] - logs[lost] - logs[gained] - logs[rest]
            weight += lost * log(p_lost) + gained * log(p_gained) + rest * log(1 - p_lost - p_gained)
            chance = np.exp(weight)
            found = drop_interval(lost, gained, count)
            total += chance
            covered += chance * (found.low <= true <= found.high)
    assert total == pytest.approx(1)
    assert 0.935 <= covered <= 0.97


@given(tables())
def test_the_interval_contains_the_drop(table: tuple[int, int, int]) -> None:
    found = judged(*table, 1)
    assert -100 <= found.interval.low <= found.points <= found.interval.high <= 100
    assert found.points == pytest.approx(100 * (table[0] - table[1]) / table[2])
    assert (found.lost, found.gained, found.count) == table


@given(tables())
def test_swapping_the_models_flips_the_sign(table: tuple[int, int, int]) -> None:
    reference, candidate = answers(*table)
    one, other = drop(reference, candidate, 1), drop(candidate, reference, 1)
    assert one.points == -other.points
    assert (one.lost, one.gained) == (other.gained, other.lost)
    assert (one.interval.low, one.interval.high) == pytest.approx((-other.interval.high, -other.interval.low))


@given(tables())
def test_only_disagreements_count(table: tuple[int, int, int]) -> None:
    """It makes no difference whether both are right or both are wrong on the other images."""
    reference, candidate = answers(*table)
    same = reference == candidate
    assert drop(reference & ~same, candidate & ~same, 1) == drop(reference, candidate, 1)


@given(tables(), st.floats(0, 100))
def test_the_verdict_follows_from_the_interval(table: tuple[int, int, int], limit: float) -> None:
    found = judged(*table, limit)
    assert (found.verdict == Verdict.PASS) == (found.interval.high <= limit)
    assert (found.verdict == Verdict.FAIL) == (found.interval.low > limit)


def test_the_three_verdicts() -> None:
    assert judged(10, 10, 10_000, 1).verdict == Verdict.PASS
    assert judged(500, 100, 10_000, 1).verdict == Verdict.FAIL
    assert judged(3, 0, 100, 1).verdict == Verdict.INCONCLUSIVE
    assert judged(0, 0, 10, 1).verdict == Verdict.INCONCLUSIVE, "ten images prove nothing"
    assert judged(10, 0, 10, 100).verdict == Verdict.PASS, "an interval that ends at the limit is within it"


@given(tables(60), st.sampled_from([0, 0.5, 1, 2.5, 5, 10, 50, 100]))
def test_images_to_settle_is_the_first_count_that_settles(table: tuple[int, int, int], limit: float) -> None:
    lost, gained, count = table

    def settled(images: int) -> bool:
        found = drop_interval(lost * images / count, gained * images / count, images)
        return found.high <= limit or found.low > limit

    found = judged(lost, gained, count, limit)
    if found.verdict != Verdict.INCONCLUSIVE:
        assert found.images_to_settle == count
    elif found.points == limit:
        assert found.images_to_settle is None
    else:
        needed = found.images_to_settle
        assert needed is not None
        assert needed > count
        assert settled(needed)
        assert not any(settled(images) for images in range(max(count, needed - 2000), needed))


@given(tables(40), st.sampled_from([0.5, 1, 2.5, 5, 10]), st.integers(2, 30))
def test_a_set_of_that_size_settles_it(table: tuple[int, int, int], limit: float, times: int) -> None:
    """Repeating the same answers gives a verdict from `images_to_settle` on, but not before."""
    lost, gained, count = table
    needed = judged(lost, gained, count, limit).images_to_settle
    repeated = judged(lost * times, gained * times, count * times, limit)
    settled = needed is not None and count * times >= needed
    assert settled == (repeated.verdict != Verdict.INCONCLUSIVE)


def test_no_count_settles_a_drop_at_the_limit() -> None:
    assert judged(3, 0, 1000, 0.3).images_to_settle is None
    assert judged(0, 0, 1000, 0).images_to_settle is None


@pytest.mark.parametrize(
    ("reference", "candidate", "limit", "message"),
    [
        ([True], [True, False], 1, "1 reference but 2"),
        ([], [], 1, r"reference answers are float64 \(0,\)"),
        ([True], [1], 1, "candidate answers are int64"),
        ([[True]], [True], 1, r"\(1, 1\)"),
        ([True], [True], -1, "accuracy limit -1"),
        ([True], [True], float("nan"), "accuracy limit nan"),
    ],
)
def test_invalid_input_is_refused(  # type: ignore[no-untyped-def]
    reference, candidate, limit: float, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        drop(reference, candidate, limit)


def test_a_drop_is_json() -> None:
    found = json.loads(json.dumps(asdict(judged(3, 1, 100, 1)), allow_nan=False))
    assert found["verdict"] == "inconclusive"
    assert found["interval"].keys() == {"low", "high"}
