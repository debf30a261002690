"""Fitted weights: the known optimum, both averages, members that add nothing."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgewise.models.ensemble import Average, averaged
from edgewise.models.ensemble_weights import fit_weights

AVERAGES: tuple[Average, ...] = ("probabilities", "logits")
LABELS = np.random.default_rng(0).integers(0, 5, 400)


def noisy(seed: int, noise: float) -> NDArray[Any]:
    """Logits for the right labels with added noise."""
    draws = np.random.default_rng(seed)
    return (2 * np.eye(5)[LABELS] + draws.normal(size=(400, 5)) * noise).astype(np.float32)


def loss(logits: list[NDArray[Any]], weights: tuple[float, ...], average: Average) -> float:
    """The negative log-likelihood of the labels."""
    parts = [torch.from_numpy(answers).double() for answers in logits]
    mixed = averaged(parts, torch.tensor(weights, dtype=torch.float64)[:, None], average)
    return float(torch.nn.functional.cross_entropy(mixed, torch.from_numpy(LABELS)))


@pytest.mark.parametrize("average", AVERAGES)
def test_no_other_weights_have_a_higher_likelihood(average: Average) -> None:
    members = [noisy(1, 1.0), noisy(2, 1.5), noisy(3, 2.0)]
    found = fit_weights(members, LABELS, average)
    assert sum(found) == pytest.approx(1)
    assert min(found) > 0
    best = loss(members, found, average)
    grid = np.linspace(0, 1, 21)
    others = [(a, b, 1 - a - b) for a in grid for b in grid if a + b <= 1]
    assert best <= min(loss(members, other, average) for other in others) + 1e-9


@pytest.mark.parametrize("average", AVERAGES)
def test_equally_good_members_get_equal_weights(average: Average) -> None:
    first = noisy(1, 1.5)
    order = [1, 0, 2, 3, 4]
    # Each member gets one half right and swaps two classes in the other.
    mirrored = np.concatenate([first, first[:, order]]), np.concatenate([first[:, order], first])
    labels = np.concatenate([LABELS, LABELS])
    found = fit_weights(mirrored, labels, average)
    assert found == pytest.approx((0.5, 0.5), abs=1e-4)


@pytest.mark.parametrize("average", AVERAGES)
def test_a_member_that_guesses_gets_almost_no_weight(average: Average) -> None:
    guesses = -noisy(1, 1.0)
    found = fit_weights([noisy(1, 1.0), guesses], LABELS, average)
    assert found[0] > 0.99
