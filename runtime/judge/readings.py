"""Other ways to read labels and pictures, with which a float model that looks wrong is right.

Class folders may be counted in another order than in training, and pixels scaled otherwise. The exported file
is then as wrong as the network, which no comparison of the two can show.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...models.errors import EdgewiseError
from ...models.spec import Preprocess, Tensor32
from .. import Session
from .evaluation import Pictures, Progress, answers, take
from .stats import Accuracy, accuracy
from .tally import Side

_PICTURES = 100
_BETTER = 0.10  # of top-1 accuracy
_SHOWN = 5
_IMAGENET = "normalised by ImageNet's mean and std"
_SCALES: tuple[tuple[str, Any, Any], ...] = (  # mean and std on the [0, 1] scale
    ("on a scale from -1 to 1", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    (_IMAGENET, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ("on a scale from 0 to 1", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    ("on a scale from 0 to 255", (0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
)


def better_order(exact: Side, pictures: Pictures) -> str | None:
    """Whether the float model, which answered `exact`, is much better if folders are counted as text."""
    order, labels = pictures.text_order, exact.labels
    if not order or labels is None:
        return None
    places = {label: place for place, (_, label) in enumerate(order)}
    given = exact.accuracy
    found = exact.accuracy_by(np.asarray([places[label] for label in labels.tolist()]))
    if not _much_better(found, given):
        return None
    names = ", ".join(name for name, _ in order[:_SHOWN])
    return (
        f"With class folders counted in the order of their names as text ({names}, ...), as torchvision's "
        f"ImageFolder and Keras count them, the float model has a top-1 of {found.text} instead of "
        f"{given.text}; if it was trained so, write the names in that order into a file, one a line, and "
        "pass it with --labels"
    )


def better_pixels(
    session: Session, pictures: Pictures, preprocess: Preprocess, progress: Progress
) -> str | None:
    """The scale of pixels or the order of channels with which the float model is much better, if any.

    `pictures` are labelled; a hundred of them are tried, evenly from all classes.
    """
    count = min(pictures.count, _PICTURES)
    few = take(pictures, [place * pictures.count // count for place in range(count)])
    given, *readings = _readings(preprocess)
    known, best = _accuracy(session, few, preprocess, given), None
    for done, reading in enumerate(readings, start=1):
        with suppress(EdgewiseError):  # logits that are not finite, of pixels far out of range
            found = _accuracy(session, few, preprocess, reading)
            if _much_better(found, known) and (best is None or found.top1 > best[0].top1):
                best = found, reading
        progress(done, len(readings))
    return best and _sentence(*best, known)


def _accuracy(session: Session, pictures: Pictures, preprocess: Preprocess, reading: "_Reading") -> Accuracy:
    rescaled = _Rescaled(session, preprocess, reading)
    answered = answers([rescaled], pictures, preprocess, lambda *_: None)
    return accuracy(answered.logits[0], np.asarray(answered.labels))


def _sentence(best: Accuracy, reading: "_Reading", given: Accuracy) -> str:
    return (
        f"With {reading.title}, the float model has a top-1 of {best.text} instead of {given.text} on "
        f"{best.count} of these pictures; if it was trained so, {reading.fix}"
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """What pixels may be expected as, and how to say so."""

    preprocess: Preprocess
    title: str = ""
    fix: str = ""
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class _Rescaled:
    """A session that gets pixels as another reading has them."""

    session: Session
    preprocess: Preprocess
    reading: _Reading

    def __call__(self, batch: Tensor32) -> Tensor32:
        given, wanted = self.preprocess, self.reading.preprocess
        if wanted is not given:
            means = np.asarray([given.mean, wanted.mean], np.float32)
            stds = np.asarray([given.std, wanted.std], np.float32)
            batch = (batch * stds[0] + means[0] - means[1]) / stds[1]
        return self.session(np.ascontiguousarray(batch[..., ::-1]) if self.reading.reverse else batch)


def _readings(given: Preprocess) -> Iterator[_Reading]:
    """The one that is given, then the others."""
    yield _Reading(given)
    channels = len(given.mean)
    colour = channels == 3
    for title, mean, std in _SCALES:
        other = replace(given, mean=mean[:channels], std=std[:channels])
        if other == given or (title == _IMAGENET and not colour):
            continue
        means, stds = (",".join(f"{value:.6g}" for value in values) for values in (other.mean, other.std))
        yield _Reading(other, f"pixels {title}", f"pass --mean {means} --std {stds}")
    if colour:
        yield _Reading(
            replace(given, mean=given.mean[::-1], std=given.std[::-1]),
            "channels in the order blue, green, red",
            "let net.py:factory return the network behind a layer that reverses the channels: edgewise gives "
            "red, green, blue",
            reverse=True,
        )


def _much_better(found: Accuracy, given: Accuracy) -> bool:
    clear = found.top1_interval.low > given.top1_interval.high
    return clear and found.top1 >= given.top1 + _BETTER
