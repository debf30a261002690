"""The Pareto front."""

import pytest

from edgewise.pipeline.recommend.candidates import Candidate, Figure
from edgewise.pipeline.recommend.front import front


def candidate(*values: float | None) -> Candidate:
    """With top-1, latency and size."""
    top1, latency, size = (None if value is None else Figure(value, "measured", "") for value in values)
    return Candidate("n", "tflite", "w8a8", top1, latency, size, None)


@pytest.mark.parametrize(
    ("one", "other", "left"),
    [
        ((70, 10, 5), (60, 20, 6), 1),
        ((70, 10, 5), (75, 20, 5), 2),
        ((70, 10, 5), (70, 10, 5), 2),
        ((70, 10, 5), (70, 10, 4), 1),
        ((70, None, 5), (60, 20, 6), 2),
        ((70, 10, 5), (60, None, 6), 1),
    ],
)
def test_only_what_is_beaten_in_everything_known_is_left_out(
    one: tuple[float | None, ...], other: tuple[float | None, ...], left: int
) -> None:
    assert len(front([candidate(*one), candidate(*other)])) == left
