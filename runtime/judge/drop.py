"""The accuracy gate: the top-1 drop of a quantized model, with a confidence interval.

Both models classify the same images, so only the images on which they disagree count. With `lost` (float
right, quantized wrong) and `gained` (the reverse) among n images, the interval is the adjusted Wald
interval for paired proportions of Bonett & Price (Journal of Educational and Behavioral Statistics
37(4):479-488, 2012), which Fagerland, Lydersen & Laake recommend at every sample size (Statistics in
Medicine 33:2850-2875, 2014): one image is added to `lost` and one to `gained`,

    p = (lost + 1) / (n + 2)    q = (gained + 1) / (n + 2)
    p - q +- z sqrt((p + q - (p - q)^2) / (n + 2))

clipped to [-1, 1]. Drops are in percentage points, float minus quantized: positive is a loss.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from sys import maxsize

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...models.errors import UsageError
from .stats import Z95, Interval


class Verdict(StrEnum):
    """PASS: the whole interval is within the limit; FAIL: all of it is above; INCONCLUSIVE otherwise.

    UNPROVEN: the pictures cannot show an accuracy at all, because they are generated and have no labels.
    """

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    UNPROVEN = "unproven"


_WORST_FIRST = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.UNPROVEN, Verdict.PASS)


@dataclass(frozen=True, slots=True)
class Drop:
    """The drop of top-1 accuracy in percentage points, and the verdict about the limit.

    `points` is the plain difference, 100 (lost - gained) / count; `interval` is centred slightly nearer
    to zero but always contains it. `images_to_settle` is the smallest total number of images, including
    these, that would give PASS or FAIL at the observed rates: `count` if they already do, None if `points`
    equals the limit, so that no number would.
    """

    points: float
    interval: Interval
    verdict: Verdict
    lost: int
    gained: int
    count: int
    max_drop_points: float
    images_to_settle: int | None


def drop(reference_correct: ArrayLike, candidate_correct: ArrayLike, max_drop_points: float) -> Drop:
    """Judge a quantized model by two (N,) bool vectors: which images each model classifies correctly.

    Raises:
        UsageError: the vectors are not bool, empty or of unequal length, or the limit is not in [0, 100].
    """
    reference, candidate = _answers("reference", reference_correct), _answers("candidate", candidate_correct)
    if len(reference) != len(candidate):
        raise UsageError(
            f"{len(reference)} reference but {len(candidate)} candidate answers: use the same images"
        )
    if not 0 <= max_drop_points <= 100:
        raise UsageError(f"accuracy limit {max_drop_points}: must be from 0 to 100 percentage points")
    lost, gained = int((reference & ~candidate).sum()), int((candidate & ~reference).sum())
    count, limit = len(reference), float(max_drop_points)
    interval = drop_interval(lost, gained, count)
    return Drop(
        points=100 * (lost - gained) / count,
        interval=interval,
        verdict=verdict_of(interval, limit),
        lost=lost,
        gained=gained,
        count=count,
        max_drop_points=limit,
        images_to_settle=_images_to_settle(lost, gained, count, limit),
    )


def drop_interval(lost: float, gained: float, count: float) -> Interval:
    """The interval by the module's formula, in percentage points; counts may be expected values."""
    images = count + 2
    p, q = (lost + 1) / images, (gained + 1) / images
    half = Z95 * sqrt(max(0.0, p + q - (p - q) ** 2) / images)
    return Interval(100 * max(-1.0, p - q - half), 100 * min(1.0, p - q + half))


def verdict_of(interval: Interval, limit: float) -> Verdict:
    """Where the interval of a loss lies: within the limit, beyond it, or on both sides."""
    if interval.high <= limit:
        return Verdict.PASS
    return Verdict.FAIL if interval.low > limit else Verdict.INCONCLUSIVE


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of several gates together."""
    return min(verdicts, key=_WORST_FIRST.index)


def _images_to_settle(lost: int, gained: int, count: int, limit: float) -> int | None:
    # At fixed rates both bounds approach `points` with more images, so bisection finds the first.
    def settled(images: int) -> bool:
        share = images / count
        interval = drop_interval(lost * share, gained * share, images)
        return verdict_of(interval, limit) != Verdict.INCONCLUSIVE

    needed = bisect_left(range(maxsize), True, lo=count, key=settled)
    return needed if needed < maxsize else None


def _answers(side: str, correct: ArrayLike) -> NDArray[np.bool_]:
    answers = np.asarray(correct)
    if answers.dtype != np.bool_ or answers.ndim != 1 or not len(answers):
        raise UsageError(
            f"{side} answers are {answers.dtype} {answers.shape}: must be one True or False per image"
        )
    return answers
