"""Two models that differ in their calibration alone: what is compared, and when a warning is due."""

import json

import numpy as np
import pytest

from edgewise.models.spec import Tensor32
from edgewise.runtime.judge.evaluation import Answers
from edgewise.runtime.judge.limits import Limits
from edgewise.runtime.judge.stability import Stability, stability
from edgewise.runtime.judge.tally import Tally

COUNT = 200
LIMITS = Limits(max_drop=1.0, min_agreement=0.9)
RIGHT = np.arange(COUNT) % 4


def answering(*wrong: int) -> Tensor32:
    """Confident logits of the right classes, except for those pictures."""
    found = 10 * np.eye(4, dtype=np.float32)[RIGHT]
    picks = [*wrong]
    found[picks] = np.roll(found[picks], 1, axis=1)
    return found


def halves(first: Tensor32, second: Tensor32, *, labelled: bool = True, generated: bool = False) -> Stability:
    logits = answering(), first, second
    answers = Answers(logits, np.arange(COUNT), RIGHT if labelled else None, 0)
    return stability(50, Tally.of(answers), LIMITS, generated=generated)


def test_equal_halves_are_stable() -> None:
    found = halves(answering(3), answering(3))
    assert found.stable
    assert found.warning() is None
    assert (found.spread, found.drops) == (0, (0.5, 0.5))
    assert found.text == (
        "calibrated with either half of the pictures (50 each), answers agree on 100.0 % of 200, cosine "
        "1.0000; drops of 0.50 and 0.50 points"
    )
    stored = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert (stored["stable"], stored["drops"], stored["calibrated"]) == (True, [0.5, 0.5], 50)


def test_labelled_halves_that_differ_by_more_than_the_limit_are_not() -> None:
    found = halves(answering(), answering(*range(20)))
    assert found.drops == (0, 10)
    assert not found.stable
    assert "depends on the choice of calibration pictures" in str(found.warning())
    assert "(1 allowed)" in str(found.warning())


def test_a_difference_that_chance_explains_is_no_warning() -> None:
    found = halves(answering(0, 1, 2, 3), answering(4))
    assert found.spread == pytest.approx(1.5)  # more than the limit, of three pictures
    assert found.stable


def test_photographs_have_estimated_drops() -> None:
    found = halves(answering(), answering(*range(10)), labelled=False)
    assert found.drops is not None
    assert found.drops == pytest.approx((0, 5), abs=0.01)  # the float model is sure of its answers
    assert found.difference is None
    assert not found.stable
    assert "estimated drops of 0.00 and 5.00 points" in found.text


def test_generated_pictures_have_an_agreement_alone() -> None:
    near, far = (
        halves(answering(), answering(*range(count)), labelled=False, generated=True) for count in (10, 40)
    )
    assert (near.drops, near.spread, near.stable) == (None, None, True)
    assert far.agreement.top1 == 0.8
    assert "at least 90 % of them should" in str(far.warning())
