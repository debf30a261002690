"""How often garbage is collected while a network is converted."""

import gc

import pytest

from edgewise.pipeline.collector import collecting_seldom


def test_thresholds_are_as_before_afterwards_whatever_happens() -> None:
    before = gc.get_threshold()
    seldom = []

    def fail() -> None:
        with collecting_seldom():
            seldom.append(gc.get_threshold())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert seldom[0][0] > before[0]
    assert gc.get_threshold() == before


@pytest.mark.parametrize("own", [(0, 10, 10), (10_000_000, 10, 10)])
def test_a_caller_who_collects_less_is_left_alone(own: tuple[int, int, int]) -> None:
    before = gc.get_threshold()
    gc.set_threshold(*own)
    try:
        with collecting_seldom():
            assert gc.get_threshold() == own
        assert gc.get_threshold() == own
    finally:
        gc.set_threshold(*before)
