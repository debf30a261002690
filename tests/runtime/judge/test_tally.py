"""A few numbers for each picture give the figures that all logits would."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewise.models.errors import ParityError, UsageError
from edgewise.models.spec import Tensor32
from edgewise.runtime.judge.evaluation import Answers
from edgewise.runtime.judge.stats import accuracy, agreement, correct, parity, softmax
from edgewise.runtime.judge.tally import Side, Tally

RANDOM = np.random.default_rng(0)


def logits(classes: int = 12, count: int = 60) -> tuple[Tensor32, ...]:
    """Those of three models, the later ones ever further from the first; some logits are equal."""
    first = np.round(RANDOM.normal(0, 3, (count, classes)), 1).astype(np.float32)
    second = first + RANDOM.normal(0, 0.3, first.shape).astype(np.float32)
    return first, second, first + RANDOM.normal(0, 2, first.shape).astype(np.float32)


def answers(sides: tuple[Tensor32, ...], *, labelled: bool = True) -> Answers:
    count = len(sides[0])
    labels = np.arange(count) % sides[0].shape[1]
    return Answers(sides, np.arange(count) * 2, labels if labelled else None, 3)


@pytest.mark.parametrize("classes", [2, 3, 5, 12])
def test_the_figures_are_those_of_the_logits(classes: int) -> None:
    sides = logits(classes)
    found = answers(sides)
    tally, labels = Tally.of(found), found.labels
    assert labels is not None
    for place, own in enumerate(sides):
        side = tally.side(place)
        assert side.accuracy == accuracy(own, labels)
        assert side.accuracy_by(labels[::-1]) == accuracy(own, labels[::-1])
        np.testing.assert_array_equal(side.right, correct(own, labels))
        np.testing.assert_array_equal(side.confidence, softmax(own).max(axis=1))
        assert not side.is_constant
    for one, two in ((0, 1), (0, 2), (1, 2)):
        assert tally.agreement(one, two) == agreement(sides[one], sides[two])
        assert tally.parity(one, two) == parity(sides[one], sides[two])
        own = softmax(sides[one])[np.arange(60), sides[two].argmax(axis=1)]
        np.testing.assert_array_equal(tally.pair(one, two)["trust"], own)


def test_a_single_logit_is_compared_by_what_is_usual() -> None:
    """Its distance is divided by the usual size, where one picture's is near zero; so it is in a tally."""
    single = np.hstack([np.zeros((9, 1)), RANDOM.normal(0, 3, (9, 1))]).astype(np.float32)
    single[4, 1] = 1e-7
    other = single + np.array([0, 1e-5], np.float32)
    found = Tally.of(answers((single, other))).parity(0, 1)
    assert found == parity(single, other)
    assert found.max_rel < 1e-3


def test_parts_join_into_the_whole() -> None:
    found = answers(logits())
    whole = Tally.of(found)

    def part(rows: slice) -> Tally:
        return Tally.of(
            Answers(
                tuple(side[rows] for side in found.logits),
                found.indices[rows],
                None if found.labels is None else found.labels[rows],
                1,
            )
        )

    nothing = Tally.empty(3, 2, labelled=True)
    joined = Tally.joined([nothing, part(slice(0, 20)), nothing, part(slice(20, 60))])
    assert joined.classes == whole.classes
    assert joined.skipped == 2 + 1 + 2 + 1
    np.testing.assert_array_equal(joined.sides, whole.sides)
    np.testing.assert_array_equal(joined.pairs, whole.pairs)
    np.testing.assert_array_equal(joined.indices, whole.indices)
    assert joined.labels is not None
    np.testing.assert_array_equal(joined.labels, whole.labels)


def test_samples_are_joined_too() -> None:
    parts = []
    for start in (0, 30):
        some = replace(answers(logits()), indices=np.arange(start, start + 60), skipped=0)
        parts.append(replace(Tally.of(some), sample=some))
    sample = Tally.joined([parts[0], Tally.empty(3, 0, labelled=True), parts[1]]).sample
    assert sample is not None
    assert [side.shape for side in sample.logits] == [(120, 12)] * 3
    np.testing.assert_array_equal(sample.indices, np.concatenate([part.indices for part in parts]))


def test_some_sessions_and_some_pictures() -> None:
    sides = logits()
    tally = Tally.of(answers(sides))
    pair = tally.of_sessions(1, 2)
    assert pair.agreement(0, 1) == agreement(sides[1], sides[2])
    few = tally.among([2, 3, 8])
    assert (few.indices.tolist(), few.skipped) == ([0, 2], 1), "picture 3 was not read"
    assert few.agreement(0, 2) == agreement(sides[0][[1, 4]], sides[2][[1, 4]])


def constant(values: NDArray[np.float64]) -> Side:
    return Tally.of(answers((values.astype(np.float32),), labelled=False)).side(0)


@pytest.mark.parametrize("classes", [2, 3, 1000])
def test_a_constant_model_is_detected(classes: int) -> None:
    one = np.tile(RANDOM.normal(0, 5, classes), (50, 1))
    assert constant(one).is_constant
    assert constant(one * (1 + 1e-7 * RANDOM.integers(-1, 2, one.shape))).is_constant
    assert constant(np.zeros((4, classes))).is_constant
    assert not constant(one + 1e-3 * RANDOM.normal(0, 5, one.shape)).is_constant
    assert not constant(one + np.arange(50)[:, None]).is_constant, "a shift of all logits"
    assert not constant(one[:1]).is_constant, "a single picture cannot show it"


@pytest.mark.parametrize("odd", [np.full((60, 12), np.nan, np.float32), np.zeros((60, 11), np.float32)])
def test_logits_that_do_not_fit_are_refused(odd: Tensor32) -> None:
    with pytest.raises(ParityError):
        Tally.of(answers((logits()[0], odd)))


def test_labels_that_are_no_classes_are_refused() -> None:
    found = replace(answers(logits()), labels=np.full(60, 12))
    with pytest.raises(UsageError, match="labels run from 12 to 12 but the model has classes 0 to 11"):
        Tally.of(found)


def test_a_picture_takes_little_memory() -> None:
    """Of two sessions and 1,000 classes: 8,000 bytes as logits."""
    tally = Tally.of(answers(logits(1000)[:2]))
    assert (tally.sides.nbytes + tally.pairs.nbytes) / 60 < 150
