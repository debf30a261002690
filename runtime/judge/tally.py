"""What sessions answered, as a few numbers for each picture: all that judges need of logits.

The logits of 50,000 pictures and 1,000 classes take 200 MB for each session, these numbers 3 MB. Tallies of
parts join into that of the whole, and every figure is computed from the whole, in the pictures' order: it is
the same, to the bit, however the pictures were shared out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .evaluation import Answers
from .stats import (
    Accuracy,
    Agreement,
    Logits,
    Parity,
    Vector,
    accuracy_of,
    agreement_of,
    parity_of,
    powers,
    require_labels,
    same_shape,
    softmax,
    top_k,
)

_BEST = 5  # classes of each answer that are kept
_ROUNDING = 3e-6  # of float32, relative to the largest logit, with room to spare

# A session's answer to a picture: the best classes, -1 where there are fewer; the probability of the best;
# the sum of the squares of the centred logits; the largest |logit|, the |logit| of the first class, and a
# mark, which is equal for equal logits and hardly ever else.
SIDE = np.dtype(
    [
        ("best", "<i4", (_BEST,)),
        ("confidence", "<f8"),
        ("energy", "<f8"),
        ("largest", "<f4"),
        ("first", "<f4"),
        ("mark", "<f4"),
    ]
)
# Two sessions' answers to a picture: the sums of the products and of the squared differences of their centred
# logits, the largest difference, and the first's probability of the second's answer.
PAIR = np.dtype([("product", "<f8"), ("noise", "<f8"), ("difference", "<f8"), ("trust", "<f8")])


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """What one session answered."""

    rows: NDArray[Any]
    classes: int
    labels: NDArray[np.int64] | None

    @property
    def answers(self) -> NDArray[np.int32]:
        """The best class for each picture."""
        return np.asarray(self.rows["best"][:, 0], np.int32)

    @property
    def confidence(self) -> Vector:
        """The probability of each answer."""
        return np.asarray(self.rows["confidence"], np.float64)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which pictures have their label as the answer; they must have labels."""
        return np.asarray(self.answers == self.labels)

    @property
    def accuracy(self) -> Accuracy:
        """Top-1 and top-5 of pictures that have labels."""
        return self.accuracy_by(np.asarray(self.labels))

    def accuracy_by(self, labels: NDArray[Any]) -> Accuracy:
        """Top-1 and top-5 by other labels."""
        return accuracy_of(self.answers == labels, (self.rows["best"] == labels[:, None]).any(axis=1))

    @property
    def is_constant(self) -> bool:
        """Whether several pictures all get the same logits, up to float32 rounding."""
        scale = max(float(self.rows["largest"].max()), float(np.finfo(np.float32).tiny))
        spread = float(np.ptp(self.rows["mark"]))
        return len(self.rows) > 1 and spread <= _ROUNDING * self.classes**0.5 * scale


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """The answers of sessions to the pictures `indices`; labels are (N,) or None.

    `sides` are (sessions, N) of the type SIDE. `pairs` are (pairs, N) of the type PAIR, for each session with
    every later one. `sample` has the logits of a few of the pictures, if they were asked for.
    """

    classes: int
    indices: NDArray[np.int64]
    labels: NDArray[np.int64] | None
    skipped: int
    sides: NDArray[Any]
    pairs: NDArray[Any]
    sample: Answers | None = None

    @classmethod
    def of(cls, answers: Answers) -> Self:
        """The tally of logits.

        Raises:
            ParityError: sessions have different classes, or a logit is not finite.
            UsageError: a label is none of the classes.
        """
        first, *others = answers.logits
        for other in others or [first]:
            same_shape(first, other)
        if answers.labels is not None:
            require_labels(answers.labels, first.shape[1])
        sides = np.stack([_side(logits) for logits in answers.logits])
        pairs = np.zeros((len(others) * len(answers.logits) // 2, len(first)), PAIR)
        for row, (one, two) in enumerate(combinations(range(len(sides)), 2)):
            _compare(pairs[row], sides[[one, two]], answers.logits[one], answers.logits[two])
        return cls(first.shape[1], answers.indices, answers.labels, answers.skipped, sides, pairs)

    @classmethod
    def empty(cls, sessions: int, skipped: int, *, labelled: bool) -> Self:
        """The tally of pictures of which none can be read."""
        none = np.zeros(0, np.int64)
        sides, pairs = np.zeros((sessions, 0), SIDE), np.zeros((sessions * (sessions - 1) // 2, 0), PAIR)
        return cls(0, none, none if labelled else None, skipped, sides, pairs)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The tally of all pictures, from those of parts of them, in the order of the pictures."""
        first = parts[0]
        return cls(
            max(part.classes for part in parts),
            np.concatenate([part.indices for part in parts]),
            None if first.labels is None else np.concatenate([np.asarray(part.labels) for part in parts]),
            sum(part.skipped for part in parts),
            np.concatenate([part.sides for part in parts], axis=1),
            np.concatenate([part.pairs for part in parts], axis=1),
            _joined([part.sample for part in parts if part.sample is not None]),
        )

    def among(self, indices: Sequence[int]) -> Self:
        """The tally of the pictures `indices` of a set, numbered as `evaluation.take` does."""
        places = {index: place for place, index in enumerate(indices)}
        kept = [row for row, index in enumerate(self.indices.tolist()) if index in places]
        return replace(
            self,
            indices=np.asarray([places[index] for index in self.indices[kept].tolist()], np.int64),
            labels=None if self.labels is None else self.labels[kept],
            skipped=len(indices) - len(kept),
            sides=self.sides[:, kept],
            pairs=self.pairs[:, kept],
            sample=None,
        )

    def of_sessions(self, *chosen: int) -> Self:
        """The tally of some sessions, in ascending order."""
        rows = [self._row(*pair) for pair in combinations(chosen, 2)]
        return replace(self, sides=self.sides[[*chosen]], pairs=self.pairs[rows], sample=None)

    def side(self, session: int) -> Side:
        """What one session answered."""
        return Side(self.sides[session], self.classes, self.labels)

    def same(self, one: int, two: int) -> NDArray[np.bool_]:
        """Which pictures two sessions answer alike."""
        return np.asarray(self.side(one).answers == self.side(two).answers)

    def pair(self, one: int, two: int) -> NDArray[Any]:
        """What a session and a later one answered beside each other."""
        return np.asarray(self.pairs[self._row(one, two)])

    def agreement(self, one: int, two: int) -> Agreement:
        """How a later session follows one; see `stats.agreement`."""
        first, second, pair = self.sides[one], self.sides[two], self.pair(one, two)
        rows = np.stack([first["energy"], second["energy"], pair["product"], pair["noise"]])
        return agreement_of(rows, self.same(one, two))

    def parity(self, one: int, two: int) -> Parity:
        """How far a later session differs from one; see `stats.parity`."""
        largest = self.sides[one]["largest"].astype(np.float64)
        single = self.classes == 2 and not self.sides[one]["first"].any()
        return parity_of(self.pair(one, two)["difference"], largest, self.same(one, two), single=single)

    def _row(self, one: int, two: int) -> int:
        return [*combinations(range(len(self.sides)), 2)].index((one, two))


def _side(logits: Logits) -> NDArray[Any]:
    rows, probabilities = np.zeros(len(logits), SIDE), softmax(logits)
    best = top_k(logits, _BEST)
    rows["best"] = -1
    rows["best"][:, : best.shape[1]] = best
    rows["confidence"] = probabilities[np.arange(len(logits)), best[:, 0]]
    rows["energy"] = powers(logits, logits)[0]
    rows["largest"] = np.abs(logits).max(axis=1)
    rows["first"] = np.abs(logits[:, 0])
    rows["mark"] = np.einsum("ij,j->i", logits.astype(np.float64), _weights(logits.shape[1]))
    return rows


def _compare(rows: NDArray[Any], sides: NDArray[Any], one: Logits, two: Logits) -> None:
    """Fill in the PAIR of two sessions whose SIDEs are `sides`."""
    _, _, rows["product"], rows["noise"] = powers(one, two)
    rows["difference"] = np.abs(one.astype(np.float64) - two.astype(np.float64)).max(axis=1)
    rows["trust"] = softmax(one)[np.arange(len(one)), sides[1]["best"][:, 0]]


@cache
def _weights(classes: int) -> Vector:
    return np.random.default_rng(0).standard_normal(classes)


def _joined(samples: Iterable[Answers]) -> Answers | None:
    kept = [*samples]
    if not kept:
        return None
    logits = [np.concatenate(parts) for parts in zip(*(one.logits for one in kept), strict=True)]
    labels = None if kept[0].labels is None else np.concatenate([np.asarray(one.labels) for one in kept])
    indices = np.concatenate([one.indices for one in kept])
    return Answers(tuple(logits), indices, labels, sum(one.skipped for one in kept))
