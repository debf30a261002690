"""Weights against activations: networks that only one of them breaks, and the figure itself."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgewise.export.graph import trace
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine.sources import median_sqnr_db, sources


class Net(nn.Module):
    """A filter of huge weights, or a channel of huge values, that the answer does not use."""

    def __init__(self, *, weight: float = 1.0, value: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 8, 3, stride=2), nn.Linear(8, 5)
        with torch.no_grad():
            filters, biases = self.first.parameters()
            filters[0] *= weight
            biases[0] = value
            self.last.weight[:, 0] = 0

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.last(self.first(x).clamp(-5, 500).mean((2, 3)))
        return answer


def test_one_scale_for_a_huge_filter_is_the_fault_of_weights(tiny_calibration: Calibration) -> None:
    network = trace(Net(weight=1000.0, value=0.0), 32)
    found = sources(network, tiny_calibration, Recipe(per_channel=False))
    per_channel = sources(network, tiny_calibration, Recipe())
    assert found.weights_db < per_channel.weights_db - 20
    assert found.activations_db == per_channel.activations_db  # weights are not rounded there


def test_one_scale_for_a_huge_channel_is_the_fault_of_activations(tiny_calibration: Calibration) -> None:
    huge, plain = (sources(trace(Net(value=value), 32), tiny_calibration, Recipe()) for value in (400.0, 1.0))
    assert huge.activations_db < huge.weights_db - 10
    assert huge.activations_db < plain.activations_db - 10


def test_the_median_is_not_decided_by_one_picture() -> None:
    exact = np.array([[1.0, -1.0], [1.0, -1.0], [1000.0, -1000.0]], np.float32)
    other = exact.copy()
    other[:2] *= 0.9
    other[2] = 0
    assert median_sqnr_db(exact, other) == pytest.approx(20, abs=1e-3)


def test_a_constant_on_all_logits_is_no_error() -> None:
    exact = np.array([[1.0, -1.0]], np.float32)
    assert median_sqnr_db(exact, exact + 2) == pytest.approx(150)


def test_a_single_logit_has_a_figure() -> None:
    exact = np.array([[1.0], [-2.0], [3.0]], np.float32)
    assert median_sqnr_db(exact, 0.9 * exact) == pytest.approx(20, abs=1e-3)


def test_equal_answers_without_signal_have_a_figure() -> None:
    nothing = np.zeros((2, 3), np.float32)
    assert np.isfinite(median_sqnr_db(nothing, nothing))
