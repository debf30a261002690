"""Whether a model is worse than an older one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewise.runtime.judge.drop import Verdict
from edgewise.runtime.judge.evaluation import Answers
from edgewise.runtime.judge.regression import Check, lost_sqnr, median_db
from edgewise.runtime.judge.stats import Interval
from edgewise.runtime.judge.tally import Tally

RANDOM = np.random.default_rng(0)
EXACT = RANDOM.standard_normal((200, 10)).astype(np.float32)
NOISE = RANDOM.standard_normal((200, 10)).astype(np.float32)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(-1, 1, Verdict.PASS), (0.5, 2, Verdict.INCONCLUSIVE), (1.5, 2, Verdict.FAIL), (1, 1, Verdict.PASS)],
)
def test_the_interval_decides(low: float, high: float, verdict: Verdict) -> None:
    check = Check("size", "3 MB", "4 MB", (low + high) / 2, Interval(low, high), 1.0, "%")
    assert check.verdict is verdict


def test_words() -> None:
    worse = Check("SQNR", "20.0 dB", "18.5 dB", 1.5, Interval(1.25, 1.75), 1.0, "dB")
    assert worse.text == (
        "SQNR was 20.0 dB and is 18.5 dB: worse by 1.50 dB (95 % interval 1.25 to 1.75), 1 allowed"
    )
    better = Check("size", "4.00 MB", "3.00 MB", -25.0, Interval(-25.0, -25.0), 5.0, "%")
    assert better.text == "size was 4.00 MB and is 3.00 MB: better by 25.00 %, 5 allowed"


def beside(logits: NDArray[np.float32]) -> Tally:
    """The float model, and one with these logits."""
    return Tally.of(Answers((EXACT, logits), np.arange(len(EXACT)), None, 0))


def test_twice_the_noise_loses_six_decibels() -> None:
    old, new = EXACT + 0.1 * NOISE, EXACT + 0.2 * NOISE
    lost, interval = lost_sqnr(beside(old), beside(new))
    assert lost == pytest.approx(6.02, abs=0.01)
    assert interval.low <= lost <= interval.high
    assert interval.high - interval.low < 2
    assert median_db(beside(old)) - median_db(beside(new)) == pytest.approx(lost)


def test_the_same_model_loses_nothing_surely() -> None:
    old = EXACT + 0.1 * NOISE
    assert lost_sqnr(beside(old), beside(old)) == (0, Interval(0, 0))
    assert lost_sqnr(beside(EXACT), beside(EXACT))[0] == 0
