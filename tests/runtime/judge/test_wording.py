"""Verdicts in words."""

import pytest

from edgewise.runtime.judge.drop import Verdict
from edgewise.runtime.judge.wording import title


@pytest.mark.parametrize("verdict", Verdict)
def test_an_estimated_verdict_says_so(verdict: Verdict) -> None:
    assert title(verdict, estimated=False) == verdict.upper()
    assert title(verdict, estimated=True) == f"{verdict.upper()} (estimated)"
