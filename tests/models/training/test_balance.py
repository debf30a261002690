"""Class weights for the loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.models.training.balance import class_weights


def test_classes_with_equally_many_pictures_have_equal_weights() -> None:
    assert class_weights([0, 1, 2] * 50, 3) == pytest.approx([1, 1, 1])


def test_weights_are_inverse_to_small_counts_and_level_off_for_large_ones() -> None:
    rare, common = class_weights([0] * 2 + [1] * 20, 2)
    assert rare / common == pytest.approx(10, rel=0.02)
    many, more = class_weights([0] * 10_000 + [1] * 20_000, 2)
    assert many / more == pytest.approx(1, rel=0.001)


@given(st.lists(st.integers(0, 4)))
def test_weights_are_finite_with_a_mean_of_one(labels: list[int]) -> None:
    weights = class_weights(labels, 5)
    assert sum(weights) == pytest.approx(5)
    assert min(weights) > 0
