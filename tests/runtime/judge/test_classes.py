"""The classes that a quantized model answers otherwise."""

import numpy as np

from edgewise.runtime.judge.classes import ClassChange, changes
from edgewise.runtime.judge.known import Known


def test_the_worst_comes_first_and_what_did_not_change_is_left_out() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2, 3, 3])
    before = np.array([True, True, True, True, False, True, True, False])
    after = np.array([False, False, True, True, True, True, False, True])
    assert changes(before, after, labels, Known(("ant", "bee", "cat"))) == (
        ClassChange(0, "ant", 3, lost=2, gained=0),
        ClassChange(3, "class 3", 2, lost=1, gained=1),
        ClassChange(1, "bee", 2, lost=0, gained=1),
    )


def test_equal_answers_change_nothing() -> None:
    right = np.array([True, False])
    assert changes(right, right, np.array([0, 1]), Known()) == ()
