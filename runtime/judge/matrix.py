"""Compare several forms of one network pairwise: which of them differ, and by how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from .tally import Tally


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


def matrix(names: Sequence[str], tally: Tally) -> list[ComparedPair]:
    """Compare each model with every later one; the names are those of the tally's sessions."""
    models = zip(names, range(len(tally.sides)), strict=True)
    return [_pair(tally, first, second) for first, second in combinations(models, 2)]


def _pair(tally: Tally, reference: tuple[str, int], candidate: tuple[str, int]) -> ComparedPair:
    sessions = reference[1], candidate[1]
    distance, followed = tally.parity(*sessions), tally.agreement(*sessions)
    return ComparedPair(
        reference=reference[0],
        candidate=candidate[0],
        max_abs=distance.max_abs,
        max_rel=distance.max_rel,
        top1=followed.top1,
        sqnr_db=followed.sqnr_db,
        cosine=followed.cosine,
        count=followed.count,
    )
