"""How much each class counts in the loss."""

from collections import Counter
from collections.abc import Sequence

_BETA = 0.999  # a class has at most 1 / (1 - beta) pictures that tell something new


def class_weights(labels: Sequence[int], classes: int) -> list[float]:
    """One over the effective number of each class's pictures, 1 on average (arXiv 1901.05555)."""
    counts = Counter(labels)
    effective = [(1 - _BETA ** max(1, counts[label])) / (1 - _BETA) for label in range(classes)]
    scale = classes / sum(1 / number for number in effective)
    return [scale / number for number in effective]
