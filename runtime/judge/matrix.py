"""Compare several forms of one network pairwise: which of them differ, and by how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from .stats import Logits, agreement, parity


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """How `candidate` differs from `reference`; see `Parity` and `Agreement` for the numbers."""

    reference: str
    candidate: str
    max_abs: float
    max_rel: float
    top1: float
    sqnr_db: float
    cosine: float
    count: int


def matrix(names: Sequence[str], logits: Sequence[Logits]) -> list[ComparedPair]:
    """Compare each model with every later one, by their (images, classes) logits for the same images.

    Raises:
        ParityError: the shapes differ, there are no logits, or a value is not a finite float32.
    """
    models = zip(names, logits, strict=True)
    return [_pair(*first, *second) for first, second in combinations(models, 2)]


def _pair(reference: str, expected: Logits, candidate: str, found: Logits) -> ComparedPair:
    distance, followed = parity(expected, found), agreement(expected, found)
    return ComparedPair(
        reference=reference,
        candidate=candidate,
        max_abs=distance.max_abs,
        max_rel=distance.max_rel,
        top1=followed.top1,
        sqnr_db=followed.sqnr_db,
        cosine=followed.cosine,
        count=followed.count,
    )
