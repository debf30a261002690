"""Class weights for the loss."""

from collections import Counter
from collections.abc import Sequence

_BETA = 0.999  # the effective number of pictures in a class is at most 1 / (1 - beta)


def class_weights(labels: Sequence[int], classes: int) -> list[float]:
    """The inverse of each class's effective number of pictures, scaled to a mean of 1 (arXiv 1901.05555)."""
    counts = Counter(labels)
    effective = [(1 - _BETA ** max(1, counts[label])) / (1 - _BETA) for label in range(classes)]
    scale = classes / sum(1 / number for number in effective)
    return [scale / number for number in effective]
