"""The weights of classes in the loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.models.training.balance import class_weights


def test_classes_with_equally_many_pictures_count_alike() -> None:
    assert class_weights([0, 1, 2] * 50, 3) == pytest.approx([1, 1, 1])


def test_few_pictures_count_nearly_by_their_number_and_many_alike() -> None:
    rare, common = class_weights([0] * 2 + [1] * 20, 2)
    assert rare / common == pytest.approx(10, rel=0.02)
    many, more = class_weights([0] * 10_000 + [1] * 20_000, 2)
    assert many / more == pytest.approx(1, rel=0.001)


@given(st.lists(st.integers(0, 4)))
def test_weights_are_finite_and_one_on_average(labels: list[int]) -> None:
    weights = class_weights(labels, 5)
    assert sum(weights) == pytest.approx(5)
    assert min(weights) > 0
