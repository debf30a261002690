"""The metrics for evaluating a converted model. Needs only numpy.

Logits are (images, classes) arrays. The highest logit is the answer; among equal logits the lowest
class wins. Fractions are in [0, 1]; intervals are two-sided at 95 %. Every record can be passed to
`json.dumps(dataclasses.asdict(record))`: it has only plain numbers and None, never NaN or infinity; where a
formula would give one, the docstring names the value used instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log10, sqrt
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...models.errors import EdgewiseError, ParityError, UsageError

Logits: TypeAlias = NDArray[Any]  # (N, C), any real number type
Vector: TypeAlias = NDArray[np.float64]

Z95 = NormalDist().inv_cdf(0.975)
SQNR_LIMIT_DB = 300.0  # used for infinity: float32 rounding alone leaves about 150 dB
_BLOCK = 1024  # images converted to float64 at a time, to limit the memory for 50 000 x 1000 logits
_FLOAT32 = np.finfo(np.float32)


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval, bounds included, in the unit of its estimate."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Parity:
    """How much a float conversion differs from its original.

    `max_abs` is max |r - c| in logits. `max_rel` is the largest over the images of max |r - c| / max |r|,
    both maxima over the classes of that image: 1e-6 is float32 rounding whatever the scale of the logits.
    The divisor is at least float32's smallest normal number, so an image with all-zero logits gives 0 if
    they match and a huge finite number if not. Where a network gives a single logit z, (0, z) here, which is
    near zero for an undecided image, the divisor is at least the median of all images'. `top1` is the
    fraction of equal answers.
    """

    max_abs: float
    max_rel: float
    top1: float
    count: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well a quantized model follows its float original; needs no labels.

    With every image's logits centred (their own mean subtracted: a shift common to all classes changes
    no probability) and r, c, with sums over all classes of all images:

    `sqnr_db` is 10 log10(sum r^2 / sum (r - c)^2), the signal to quantization noise ratio of the
    network's output (arXiv 2302.05397), clipped to +-SQNR_LIMIT_DB: +300 means no noise, -300
    noise without any signal in the reference.
    `cosine` is sum rc / sqrt(sum r^2 sum c^2); 1 if neither side has a signal, 0 if only one has.
    `worst_image` is the index of the image with the lowest cosine, `worst_cosine`; the first of equals.
    """

    top1: float
    top1_interval: Interval
    sqnr_db: float
    cosine: float
    worst_image: int
    worst_cosine: float
    count: int


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The fractions of images whose label is the top answer, or among the top five.

    With five classes or fewer, `top5` is always 1.
    """

    top1: float
    top1_interval: Interval
    top5: float
    count: int

    @property
    def text(self) -> str:
        """Top-1 with its interval in percent."""
        interval = self.top1_interval
        return (
            f"{100 * self.top1:.2f} % (95 % interval {100 * interval.low:.2f} to {100 * interval.high:.2f})"
        )


def parity(reference: Logits, candidate: Logits) -> Parity:
    """Compare the logits of two float models for the same images.

    Raises:
        ParityError: the shapes differ, there are no logits, or a value is not a finite float32.
    """
    reference, candidate = same_shape(reference, candidate)
    difference, largest = _by_image(_distances, reference, candidate)
    same = reference.argmax(axis=1) == candidate.argmax(axis=1)
    return parity_of(difference, largest, same, single=is_single(reference))


def parity_of(difference: Vector, largest: Vector, same: NDArray[np.bool_], *, single: bool) -> Parity:
    """The figures of max |r - c| and max |r| of each image, and whether its answers are the same.

    `single` is `is_single` of the reference's logits.
    """
    usual = float(np.median(largest)) if single else 0.0
    relative = difference / np.maximum(largest, max(usual, float(_FLOAT32.tiny)))
    return Parity(float(difference.max()), float(relative.max()), int(same.sum()) / len(same), len(same))


def agreement(reference: Logits, candidate: Logits) -> Agreement:
    """Compare the logits of a quantized model with its float original's for the same images.

    Raises:
        ParityError: the shapes differ, there are no logits, or a value is not a finite float32.
    """
    reference, candidate = same_shape(reference, candidate)
    return agreement_of(powers(reference, candidate), reference.argmax(axis=1) == candidate.argmax(axis=1))


def agreement_of(powers: Vector, same: NDArray[np.bool_]) -> Agreement:
    """The figures of what `powers` returns, and of whether the answers to each image are the same."""
    signal, power, product, noise = (float(total) for total in powers.sum(axis=1))
    cosines = [_cosine(*map(float, image)) for image in powers[:3].T]
    worst = int(np.argmin(cosines))
    count, equal = len(same), int(same.sum())
    return Agreement(
        top1=equal / count,
        top1_interval=wilson(equal, count),
        sqnr_db=_sqnr_db(signal, noise),
        cosine=_cosine(signal, power, product),
        worst_image=worst,
        worst_cosine=cosines[worst],
        count=count,
    )


def is_single(logits: Logits) -> bool:
    """Whether they are those of a network that gives one logit z for two classes, (0, z)."""
    return logits.shape[1] == 2 and not logits[:, 0].any()


def correct(logits: Logits, labels: ArrayLike) -> NDArray[np.bool_]:
    """Which images are classified correctly: (N,) for (N, C) logits and (N,) class indices.

    Raises:
        EdgewiseError: there are no logits, or a value is not a finite float32.
        UsageError: the labels do not match the logits.
    """
    return np.asarray(_ranks(logits, labels) == 0)


def accuracy(logits: Logits, labels: ArrayLike) -> Accuracy:
    """Compare (N, C) logits with (N,) class indices; raises the same errors as `correct`."""
    ranks = _ranks(logits, labels)
    return accuracy_of(ranks == 0, ranks < 5)


def accuracy_of(right: NDArray[np.bool_], in_five: NDArray[np.bool_]) -> Accuracy:
    """The figures of whether each image's label is the answer, and whether it is among the best five."""
    hits, count = int(right.sum()), len(right)
    return Accuracy(hits / count, wilson(hits, count), int(in_five.sum()) / count, count)


def calibration_error(logits: Logits, labels: ArrayLike, bins: int = 15) -> float:
    """The expected calibration error (ECE) of (N, C) logits, in [0, 1]; raises the errors of `correct`.

    Images are sorted by the probability p of their answer into `bins` of equal width, (m - 1, m] / bins; each
    bin contributes |fraction of correct answers - mean p|, weighted by its images (arXiv 1706.04599, eq. 3).
    """
    right, confidence = correct(logits, labels), softmax(logits).max(axis=1)
    place = np.ceil(confidence * bins).astype(np.intp) - 1
    return float(np.abs(np.bincount(place, right - confidence)).sum() / len(right))


def require_labels(labels: NDArray[Any], classes: int) -> None:
    """Raise a `UsageError` where a label is none of the classes."""
    if labels.min() < 0 or labels.max() >= classes:
        raise UsageError(
            f"labels run from {labels.min()} to {labels.max()} but the model has classes 0 to {classes - 1}: "
            "use the label list of the same data set"
        )


def wilson(successes: int, count: int) -> Interval:
    """Wilson's score interval for a proportion (JASA 22:209, 1927), valid at 0 and 1 too.

    (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)
    """
    p, square = successes / count, Z95 * Z95 / count
    middle = (p + square / 2) / (1 + square)
    half = sqrt(p * (1 - p) * square + square * square / 4) / (1 + square)
    # At p = 1 the upper bound is 1 except for rounding; at p = 0 the lower is exactly 0.
    return Interval(middle - half, min(1.0, max(p, middle + half)))


def softmax(logits: Logits) -> Vector:
    """Probabilities over the last axis, exp(x - max) / sum, in float64: no logit overflows."""
    logits = np.asarray(logits, np.float64)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def top_k(logits: Logits, k: int) -> NDArray[np.intp]:
    """Indices of the k highest logits of the last axis, highest first, ties by lowest index.

    Shape (..., min(k, C)): all classes if there are fewer than k.
    """
    return np.argsort(-np.asarray(logits, np.float64), axis=-1, kind="stable")[..., :k]


def same_shape(reference: Logits, candidate: Logits) -> tuple[Logits, Logits]:
    """Both as arrays.

    Raises:
        ParityError: the shapes differ, there are no logits, or a value is not a finite float32.
    """
    reference = _checked("reference logits", reference, ParityError)
    candidate = _checked("candidate logits", candidate, ParityError)
    if reference.shape != candidate.shape:
        raise ParityError(
            f"reference logits are {reference.shape} and candidate logits {candidate.shape}: "
            "both models need the same images and classes"
        )
    return reference, candidate


def _checked(side: str, logits: Logits, error: type[EdgewiseError]) -> Logits:
    logits = np.asarray(logits)
    if logits.ndim != 2 or logits.size == 0:
        raise error(f"{side} have shape {logits.shape}: must be (images, classes), at least one of each")
    odd = ~(np.abs(logits) <= _FLOAT32.max)  # not <=, instead of >, so that NaN counts
    if odd.any():
        first = int(odd.any(axis=1).argmax())
        raise error(
            f"{side}: {int(odd.sum())} of {odd.size} values are not finite float32, first in image {first}: "
            "check the model's weights and input"
        )
    return logits


def _by_image(
    measure: Callable[[Vector, Vector], Vector], reference: Logits, candidate: Logits
) -> NDArray[np.float64]:
    """Apply `measure`, which returns (K, images), to blocks of images; the result is (K, N)."""
    parts = []
    for start in range(0, len(reference), _BLOCK):
        block = slice(start, start + _BLOCK)
        parts.append(measure(reference[block].astype(np.float64), candidate[block].astype(np.float64)))
    return np.concatenate(parts, axis=1)


def _distances(reference: Vector, candidate: Vector) -> Vector:
    return np.stack([np.abs(reference - candidate).max(axis=1), np.abs(reference).max(axis=1)])


def powers(reference: Logits, candidate: Logits) -> Vector:
    """Rows r.r, c.c, r.c and |r - c|^2 of centred logits, (4, N)."""
    return _by_image(_powers, reference, candidate)


def _powers(reference: Vector, candidate: Vector) -> Vector:
    r, c = _centred(reference), _centred(candidate)
    pairs = ((r, r), (c, c), (r, c), (r - c, r - c))
    return np.stack([np.einsum("ij,ij->i", left, right) for left, right in pairs])


def _centred(logits: Vector) -> Vector:
    # Subtract the first class first: the mean of equal numbers may be rounded, that of zeros is exact.
    shifted = logits - logits[:, :1]
    return np.asarray(shifted - shifted.mean(axis=1, keepdims=True))


def _cosine(signal: float, power: float, product: float) -> float:
    scale = sqrt(signal * power)
    if scale == 0:
        return float(signal == power)
    return max(-1.0, min(1.0, product / scale))


def _sqnr_db(signal: float, noise: float) -> float:
    if noise == 0:
        return SQNR_LIMIT_DB
    if signal == 0:
        return -SQNR_LIMIT_DB
    return max(-SQNR_LIMIT_DB, min(SQNR_LIMIT_DB, 10 * (log10(signal) - log10(noise))))


def _ranks(logits: Logits, labels: ArrayLike) -> NDArray[np.intp]:
    """The rank of each image's label in the stable order of its logits, 0 for the answer itself."""
    logits, labels = _checked("logits", logits, EdgewiseError), np.asarray(labels)
    images, classes = logits.shape
    if labels.dtype.kind not in "iu" or labels.shape != (images,):
        raise UsageError(f"labels are {labels.dtype} {labels.shape}: must be {images} class indices")
    require_labels(labels, classes)
    own = np.take_along_axis(logits, labels[:, None].astype(np.intp), axis=1)
    before = np.arange(classes) < labels[:, None]
    return np.asarray(((logits > own) | ((logits == own) & before)).sum(axis=1))
