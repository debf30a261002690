"""Signs that a model or its pictures are wrong, which no comparison of two models can show.

If labels stand in another order than the outputs, or pictures are preprocessed otherwise than in training,
the float and the exported model fail alike and the drop is small. Warnings say so; they never change a
verdict.
"""

from collections.abc import Iterator

import numpy as np

from .evaluation import Pictures
from .known import Claim, Known
from .tally import Side, Tally

_CONSTANT = (
    "The float model gives the same answer for every picture, so its weights are untrained or broken, and "
    "comparisons mean nothing"
)
EXPORTED = "The exported model"  # how warnings about it begin; the others are about its float model

_FEWEST = 40  # answers that can show that one class takes too many
_FAR = 0.10  # below what the weights are said to reach
_BELIEVED = 0.25  # of its mean confidence; even overconfident models are right more often
_MISJUDGED = 0.05  # between a mean confidence and an accuracy
_LIKELY = (
    "most likely the labels are in another order than the model's outputs, or pictures are preprocessed "
    "otherwise than in training (mean, std, size)"
)


def warnings(tally: Tally, pictures: Pictures, known: Known) -> tuple[str, ...]:
    """What is suspicious in the answers of the float model (first) and of the exported one (second).

    Signs in the float model's answers explain those in the exported one's, which are then left out. Better
    readings of labels and pictures come last.
    """
    return (*_found(tally.side(0), tally.side(len(tally.sides) - 1), pictures, known), *known.readings)


def _found(exact: Side, exported: Side, pictures: Pictures, known: Known) -> tuple[str, ...]:
    if exact.is_constant:
        return (_CONSTANT,)
    if signs := [*_signs(exact, pictures, known)]:
        return tuple(f"The float model {sign}; {_LIKELY}" for sign in signs)
    found = [*_against_claim(exact, pictures, known.claim)] if known.claim else []
    broken = (
        ["gives the same answer for every picture"]
        if exported.is_constant
        else _signs(exported, pictures, known)
    )
    found += [f"{EXPORTED} {sign}, unlike the float model: the conversion has broken it" for sign in broken]
    return tuple(found)


def _signs(side: Side, pictures: Pictures, known: Known) -> Iterator[str]:
    if side.labels is not None:
        classes, found = len(np.unique(side.labels)), side.accuracy
        if classes > 1 and found.top1_interval.low <= 1 / classes:
            yield (
                f"has a top-1 of {found.text} on {found.count} pictures of {classes} classes, which is no "
                f"better than guessing ({100 / classes:.2g} %)"
            )
        elif found.top1_interval.high < _BELIEVED * (confidence := float(side.confidence.mean())):
            # Labels that are shifted by a class hit a similar class now and then, which many pictures prove.
            yield (
                f"has a top-1 of {found.text} on {found.count} pictures, though its mean confidence is "
                f"{100 * confidence:.1f} %"
            )
    yield from _dominant(side, pictures, known)


def _dominant(side: Side, pictures: Pictures, known: Known) -> Iterator[str]:
    """Whether one class takes more than half of the answers, and more than its share explains.

    Generated pictures without labels look alike, so that a good network may answer them alike.
    """
    count, classes = len(side.rows), side.classes
    taken = np.bincount(side.answers, minlength=classes)
    first = int(taken.argmax())
    labels = side.labels
    expected = 1 / classes if labels is None else float((labels == first).mean())
    unlike = labels is None and pictures.generated
    if count < _FEWEST or unlike or taken[first] <= count * max(0.5, 2 * expected):
        return
    text = f"answers '{known.name(first)}' for {taken[first]} of {count} pictures"
    yield text if labels is None else f"{text}, of which {int((labels == first).sum())} have that label"


def _against_claim(exact: Side, pictures: Pictures, claim: Claim) -> Iterator[str]:
    """How the float model's accuracy, or its confidence if there are no labels, fits what it should be."""
    if exact.labels is not None:
        found = exact.accuracy
        if found.top1_interval.high < claim.top1 - _FAR:
            yield (
                f"The float model has a top-1 of {found.text} on {found.count} pictures, far below the "
                f"{100 * claim.top1:.1f} % of {claim.source}; most likely pictures are preprocessed "
                "otherwise than in training (mean, std, size), or are of another kind"
            )
    elif not pictures.generated:
        confidence = float(exact.confidence.mean())
        if abs(confidence - claim.top1) > _MISJUDGED:
            under = confidence < claim.top1
            yield (
                f"The float model is {'under' if under else 'over'}confident: its mean confidence is "
                f"{100 * confidence:.1f} %, and its top-1 {100 * claim.top1:.1f} % by {claim.source}; the "
                f"estimated drop is likely too {'low' if under else 'high'}"
            )
