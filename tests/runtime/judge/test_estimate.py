"""The drop that is estimated without labels: its formula, its interval, and how sceptical its verdict is."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.runtime.judge.drop import Verdict
from edgewise.runtime.judge.estimate import Estimate, estimate
from edgewise.runtime.judge.evaluation import Answers
from edgewise.runtime.judge.stats import Logits, softmax
from edgewise.runtime.judge.tally import Tally


def logits(confidence: float, answers: list[int], classes: int = 4) -> Logits:
    """Logits whose softmax gives each answer that probability, and shares the rest equally."""
    rest = (1 - confidence) / (classes - 1)
    probabilities = np.full((len(answers), classes), rest)
    probabilities[np.arange(len(answers)), answers] = confidence
    found: Logits = np.log(probabilities)
    return found


def estimated(count: int, differing: int, confidence: float = 0.7, limit: float = 1.0) -> Estimate:
    """A model of that confidence, and another that answers so many pictures otherwise."""
    exact = logits(confidence, [0] * count)
    return of_logits(exact, logits(0.9, [1] * differing + [0] * (count - differing)), limit)


def of_logits(exact: Logits, other: Logits, limit: float) -> Estimate:
    return estimate(Tally.of(Answers((exact, other), np.arange(len(exact)), None, 0)), limit)


def test_the_formula() -> None:
    found = estimated(10, 2)
    # Two of ten pictures lose 0.7 and gain 0.1.
    assert found.points == pytest.approx(100 * 2 * (0.7 - 0.1) / 10)
    assert (found.differing, found.count) == (2, 10)
    assert found.confidence == pytest.approx(0.7)
    assert found.bound == pytest.approx(50.98, abs=0.01)  # Wilson's interval of 2 of 10
    assert json.loads(json.dumps(asdict(found), allow_nan=False))["verdict"] == found.verdict


def test_the_same_answers_give_the_same_estimate() -> None:
    assert estimated(200, 3) == estimated(200, 3)


@pytest.mark.parametrize("count", [50, 100, 200, 400, 1000])
def test_no_difference_among_n_pictures_is_the_rule_of_three(count: int) -> None:
    found = estimated(count, 0)
    assert (found.points, found.interval.low) == (0, 0)
    assert found.interval.high == pytest.approx(100 * 3 / count, rel=0.02)
    assert found.verdict is (Verdict.PASS if count > 200 else Verdict.INCONCLUSIVE)


@given(st.integers(1, 60), st.integers(0, 60), st.floats(0.3, 0.99))
def test_the_interval_holds_the_estimate_and_no_gain(count: int, differing: int, confidence: float) -> None:
    found = estimated(count, min(count, differing), confidence)
    assert 0 <= found.interval.low <= found.points <= found.interval.high <= 100 + 1e-9
    assert found.points <= 100 * found.differing / count + 1e-9 <= found.bound + 2e-9


def test_it_covers_the_drop_of_a_calibrated_model() -> None:
    """Its probabilities are the truth: nearly all of 200 intervals hold what is lost on average."""
    picks = np.random.default_rng(0)
    exact = picks.normal(0, 2, (60_000, 5))
    other = exact + picks.normal(0, 0.5, exact.shape)
    trusted = softmax(exact)
    rows = np.arange(len(exact))
    truth = 100 * (trusted[rows, exact.argmax(1)] - trusted[rows, other.argmax(1)]).mean()
    held = 0
    for start in range(0, 60_000, 300):
        some = slice(start, start + 300)
        interval = of_logits(exact[some], other[some], 1.0).interval
        held += interval.low <= truth <= interval.high
    assert held >= 0.9 * 200


def test_a_large_estimate_fails_and_a_small_one_of_many_pictures_passes() -> None:
    assert estimated(500, 60).verdict is Verdict.FAIL
    assert estimated(500, 5).verdict is Verdict.INCONCLUSIVE
    assert estimated(5000, 5).verdict is Verdict.PASS


def test_an_estimate_is_not_relied_on_where_many_answers_differ() -> None:
    """An underconfident model finds every answer about equally likely, so that nothing seems to be lost."""
    found = estimated(2000, 100, confidence=0.26)
    assert found.interval.high < 1
    assert found.bound > 4
    assert found.verdict is Verdict.INCONCLUSIVE
    assert estimated(2000, 60, confidence=0.26).verdict is Verdict.PASS
