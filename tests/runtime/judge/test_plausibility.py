"""Warnings about models and pictures that are probably wrong, and none about those that are right."""

from dataclasses import replace

import numpy as np
import pytest

from edgewise.runtime.judge.evaluation import Answers, Pictures, given
from edgewise.runtime.judge.known import Claim, Known
from edgewise.runtime.judge.plausibility import EXPORTED, warnings
from edgewise.runtime.judge.stats import Logits
from edgewise.runtime.judge.tally import Tally

NAMES = tuple("abcdefghij")
PHOTOS = given(np.zeros((0, 4, 4, 3), np.uint8), "photos")
LABELS = np.arange(200) % 10


def right(share: float = 0.8, labels: Logits = LABELS) -> Logits:
    """Logits of a model that is right on that share of the pictures, and answers all classes alike."""
    answers = labels.copy()
    wrong = np.arange(len(labels)) >= share * len(labels)
    answers[wrong] = (answers[wrong] + 3) % 10
    return 4 * np.eye(10, dtype=np.float32)[answers]


def said(
    exact: Logits,
    exported: Logits | None = None,
    labels: Logits | None = LABELS,
    claim: Claim | None = None,
    pictures: Pictures = PHOTOS,
) -> tuple[str, ...]:
    pair = (exact, exact if exported is None else exported)
    tally = Tally.of(Answers(pair, np.arange(len(exact)), labels, 0))
    return warnings(tally, pictures, Known(NAMES, claim))


@pytest.mark.parametrize("labels", [LABELS, None])
def test_a_good_model_is_not_suspicious(labels: Logits | None) -> None:
    assert said(right(), labels=labels) == ()
    assert said(right(), labels=labels, claim=Claim(0.82, "its training record, on photos")) == ()


def test_rotated_labels_are_no_better_than_guessing() -> None:
    (line,) = said(right(1.0), labels=(LABELS + 1) % 10)
    assert line.startswith("The float model has a top-1 of 0.00 % (95 % interval 0.00 to 1.88) on 200 ")
    assert "of 10 classes, which is no better than guessing (10 %)" in line
    assert "labels are in another order" in line


def test_shifted_labels_that_are_right_now_and_then_are_told_by_the_confidence() -> None:
    """2 % of 4000 pictures of 500 classes: better than guessing, and far worse than the model believes."""
    labels = np.arange(4000) % 500
    shifted = (labels + (np.arange(4000) % 50 != 0)) % 500
    (line,) = said(12 * np.eye(500, dtype=np.float32)[shifted], labels=labels)
    assert line.startswith(
        "The float model has a top-1 of 2.00 % (95 % interval 1.61 to 2.48) on 4000 pictures, "
    )
    assert "though its mean confidence is 99.7 %; most likely the labels are in another order" in line
    unsure = 0.1 * np.eye(500, dtype=np.float32)[shifted]
    assert said(unsure, labels=labels) == (), "it does not claim to know better"


def test_a_constant_output_is_told_alone() -> None:
    (line,) = said(np.tile(right()[:1], (200, 1)))
    assert "gives the same answer for every picture" in line


def test_a_broken_export_is_told_apart_from_its_float_model() -> None:
    for exported, sign in (
        (np.tile(right()[:1], (200, 1)), "gives the same answer for every picture"),
        (right(0.08), "is no better than guessing"),
    ):
        (line,) = said(right(), exported)
        assert line.startswith(EXPORTED)
        assert sign in line
        assert line.endswith("unlike the float model: the conversion has broken it")


def test_one_class_that_takes_most_answers() -> None:
    greedy = right(1.0)
    greedy[:120] = greedy[3] + 0.1 * np.arange(120)[:, None] * np.eye(10, dtype=np.float32)[3]
    (line,) = said(greedy)
    assert line.startswith(
        "The float model answers 'd' for 128 of 200 pictures, of which 20 have that label; "
    )
    (line,) = said(greedy, labels=None)
    assert line.startswith("The float model answers 'd' for 128 of 200 pictures; ")
    assert said(greedy, labels=None, pictures=replace(PHOTOS, generated=True)) == ()
    assert said(greedy[90:125], labels=None) == (), "35 answers are too few to tell"
    assert said(greedy, labels=greedy.argmax(axis=1)) == (), "the labels themselves are so distributed"


def test_one_of_two_classes_always_takes_half() -> None:
    both = right(1.0)[:, :2] + np.arange(200, dtype=np.float32)[:, None] * [0.01, 0.0]
    assert said(both, labels=None) == ()


def test_a_float_model_far_below_its_claim() -> None:
    (line,) = said(right(0.5), claim=Claim(0.9, "its training record, on pets"))
    assert line.startswith("The float model has a top-1 of 50.00 % (95 % interval 43.14 to 56.86) on 200 ")
    assert "far below the 90.0 % of its training record, on pets; most likely pictures are prep" in line
    assert said(right(0.8), claim=Claim(0.9, "its training record, on pets")) == ()


@pytest.mark.parametrize(("scale", "word"), [(0.5, "under"), (3.0, "over")])
def test_confidence_beside_the_claim_says_how_an_estimate_errs(scale: float, word: str) -> None:
    claim = Claim(0.85, "the published figure on ImageNet")
    (line,) = said(scale * right(), labels=None, claim=claim)
    assert line.startswith(f"The float model is {word}confident: its mean confidence is ")
    assert line.endswith(f"the estimated drop is likely too {'low' if word == 'under' else 'high'}")
    assert said(scale * right(), labels=None) == (), "without a claim nothing is known"
    assert said(scale * right(), labels=None, claim=claim, pictures=replace(PHOTOS, generated=True)) == ()
