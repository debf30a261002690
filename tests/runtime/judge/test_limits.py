"""The gates by themselves."""

import pytest

from edgewise.models.errors import UsageError
from edgewise.runtime.judge.drop import Verdict
from edgewise.runtime.judge.evaluation import from_files
from edgewise.runtime.judge.limits import Limits
from edgewise.runtime.judge.stats import Accuracy, wilson


@pytest.mark.parametrize(
    ("right", "verdict"), [(80, Verdict.PASS), (60, Verdict.INCONCLUSIVE), (40, Verdict.FAIL)]
)
def test_the_interval_of_an_accuracy_decides(right: int, verdict: Verdict) -> None:
    found = Accuracy(right / 100, wilson(right, 100), 1.0, 100)
    assert Limits(1, 0.9, min_top1=60).of_top1(found) is verdict
    assert Limits(1, 0.9).of_top1(found) is Verdict.PASS


def test_agreement_is_a_plain_limit() -> None:
    assert Limits(1, 0.9).of_agreement(0.9) is Verdict.PASS
    assert Limits(1, 0.9).of_agreement(0.89) is Verdict.FAIL


@pytest.mark.parametrize("pictures", [None, from_files(())])
def test_an_accuracy_that_cannot_be_measured(pictures: object) -> None:
    Limits(1, 0.9).require_measurable(pictures)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="min_top1 50: an accuracy can only be measured on labelled"):
        Limits(1, 0.9, min_top1=50).require_measurable(pictures)  # type: ignore[arg-type]
