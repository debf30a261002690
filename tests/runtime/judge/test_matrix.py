"""Every pair of models has the numbers of a single comparison."""

import numpy as np
import pytest

from edgewise.models.errors import ParityError
from edgewise.models.spec import Tensor32
from edgewise.runtime.judge.evaluation import Answers
from edgewise.runtime.judge.matrix import ComparedPair
from edgewise.runtime.judge.matrix import matrix as matrix_of_tally
from edgewise.runtime.judge.stats import SQNR_LIMIT_DB, agreement, parity
from edgewise.runtime.judge.tally import Tally


def matrix(names: list[str], logits: list[Tensor32]) -> list[ComparedPair]:
    """The matrix of logits."""
    return matrix_of_tally(names, Tally.of(Answers(tuple(logits), np.arange(len(logits[0])), None, 0)))


@pytest.fixture
def logits() -> list[Tensor32]:
    """The logits of a model, of the same model again, and of one with noise."""
    exact = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    return [exact, exact.copy(), exact + np.float32(0.3) * np.roll(exact, 1, axis=0)]


def test_each_pair_appears_once_in_the_order_of_the_models(logits: list[Tensor32]) -> None:
    pairs = matrix(["a", "b", "c"], logits)
    assert [(pair.reference, pair.candidate) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]


def test_equal_models_do_not_differ(logits: list[Tensor32]) -> None:
    same = matrix(["a", "b", "c"], logits)[0]
    assert (same.max_abs, same.max_rel, same.top1, same.sqnr_db) == (0, 0, 1, SQNR_LIMIT_DB)
    assert same.cosine == pytest.approx(1)
    assert same.count == 50


def test_the_first_of_a_pair_is_the_reference(logits: list[Tensor32]) -> None:
    _, exact, noisy = logits
    pair = matrix(["a", "b", "c"], logits)[2]
    expected, followed = parity(exact, noisy), agreement(exact, noisy)
    assert (pair.max_abs, pair.max_rel) == (expected.max_abs, expected.max_rel)
    assert (pair.top1, pair.sqnr_db, pair.cosine) == (followed.top1, followed.sqnr_db, followed.cosine)
    assert pair.sqnr_db != agreement(noisy, exact).sqnr_db
    assert 0 < pair.top1 < 1


def test_one_model_has_no_pair(logits: list[Tensor32]) -> None:
    assert matrix(["a"], logits[:1]) == []


@pytest.mark.parametrize(
    "odd", [np.full((50, 6), np.nan, np.float32), np.zeros((50, 5), np.float32), np.zeros((0, 6), np.float32)]
)
def test_logits_that_are_not_finite_or_of_another_shape_are_refused(
    logits: list[Tensor32], odd: Tensor32
) -> None:
    with pytest.raises(ParityError, match="candidate logits"):
        matrix(["a", "b"], [logits[0], odd])


def test_every_model_needs_a_name(logits: list[Tensor32]) -> None:
    with pytest.raises(ValueError, match="argument 2 is longer"):
        matrix(["a"], logits)
