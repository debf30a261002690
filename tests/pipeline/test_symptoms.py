"""Figures that the diagnosis takes; on a real file they are measured in test_recovery.py."""

import numpy as np
import pytest

from edgewise.pipeline.symptoms import peak_ratio, shares
from edgewise.quantize.refine.sensitivity import LayerError


def errors(**decibels: float) -> list[LayerError]:
    return [LayerError(name, "conv2d", (1,), found, 0.0) for name, found in decibels.items()]


def test_shares_are_of_the_noise_not_of_decibels() -> None:
    found = shares(errors(a=0.0, b=10.0, c=20.0))
    assert [layer.name for layer in found] == ["a", "b", "c"]
    assert [layer.share for layer in found] == pytest.approx([1 / 1.11, 0.1 / 1.11, 0.01 / 1.11])


def test_a_layer_that_loses_more_than_everything_counts_once() -> None:
    assert [layer.share for layer in shares(errors(a=-30.0, b=-1.0))] == [0.5, 0.5]


def test_no_layers_no_shares() -> None:
    assert shares([]) == ()


def test_the_peak_of_one_picture() -> None:
    logits = np.array([[1.0, -2.0], [2.0, 0.0], [-30.0, 3.0]], np.float32)
    assert peak_ratio(logits) == 15
