"""Which classes a quantized model answers better or worse than its float model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .known import Known


@dataclass(frozen=True, slots=True)
class ClassChange:
    """A class, by its `index` and `name`, whose pictures are not all answered as before.

    Of its `count` pictures, `lost` are right in float and wrong now, and `gained` the reverse.
    """

    index: int
    name: str
    count: int
    lost: int
    gained: int


def changes(
    reference_correct: NDArray[np.bool_],
    candidate_correct: NDArray[np.bool_],
    labels: NDArray[np.int64],
    known: Known,
) -> tuple[ClassChange, ...]:
    """The classes that lost or gained pictures, those that got worse first, the worst of them first.

    All three vectors are (N,); `labels` are class indices.
    """
    lost = np.bincount(labels, reference_correct & ~candidate_correct).astype(int)
    gained = np.bincount(labels, candidate_correct & ~reference_correct).astype(int)
    counts = np.bincount(labels)
    changed = np.flatnonzero(lost + gained)
    ordered = sorted(changed.tolist(), key=lambda index: (gained[index] - lost[index], index))
    return tuple(
        ClassChange(
            index=index,
            name=known.name(index),
            count=int(counts[index]),
            lost=int(lost[index]),
            gained=int(gained[index]),
        )
        for index in ordered
    )
