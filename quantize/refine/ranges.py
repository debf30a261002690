"""Ranges of activations that cost the logits least, where values beyond them are clipped.

A range as wide as all values, min-max, spends many of the 256 steps on few values. A narrower one rounds all
others finer and clips those few. For each activation, the bounds on a grid are taken that minimise what both
do to the logits, to first order and relative to the logits' length:

    mean over pictures of (sum of g_i c(x_i))^2  +  s^2 / 12 * sum of g_i^2

where c(x) is what clipping changes, s the size of a step, and g the gradient of the logits in a random
direction (`effects.py`). Rounding errors are independent of each other and add up in squares; clipping errors
have one sign and add up before they are squared. That distinction decides: the same grid with squares alone,
or with the squared error of the activation itself, clips too much and gains little or nothing.

The gain must hold for pictures that the ranges were not chosen from, otherwise they stay as they were.
"""

from typing import TYPE_CHECKING

import torch

from ...export.graph import Network, Node
from ..calibration import Calibration
from ..recipe import RANGES, Recipe
from .effects import Effect, effects
from .measure import measure
from .simulation import Ranges, Signal, only_moves, rounded_nodes, simulate

if TYPE_CHECKING:
    from torch import Tensor

    from ...models.spec import Tensor32

_PICTURES = 32  # from which ranges are chosen
_JUDGES = 16  # others, which decide whether they are better
_SHARES = torch.linspace(1, 0.4, 31, dtype=torch.float64)  # of each bound
_LEVELS = 255


def least_error(network: Network, calibration: Calibration, recipe: Recipe) -> Ranges:
    """The ranges of all activations that `recipe` rounds in `network`, clipped where it helps.

    Nodes that only move values have the range of these. The ranges are min-max over `calibration` where
    clipping does not help, and everywhere if it does not help other pictures than it was chosen from.
    """
    network.requires_grad_(requires_grad=False)  # gradients of weights would cost time
    half = len(calibration.pixels) // 2
    chooses, judges = (
        _planes(calibration.preprocess.normalise(pixels))
        for pixels in (calibration.pixels[: min(half, _PICTURES)], calibration.pixels[half:][:_JUDGES])
    )
    widest = _widest(network, calibration, recipe)
    chosen = widest | {node: _least(effect) for node, effect in effects(network, chooses, widest).items()}
    with torch.no_grad():
        errors = [
            _error(simulate(network, judges, recipe, weights=False, ranges=ranges))
            for ranges in (widest, chosen)
        ]
    return _with_moved(network, chosen if errors[1] < errors[0] else widest)


def _least(effect: Effect) -> tuple[float, float]:
    """The bounds with the least error of the logits, among shares of those of its values, which include 0."""
    low, high = effect.values[0].clamp_max(0), effect.values[-1].clamp_min(0)
    lows, highs = _SHARES * low, _SHARES * high
    below = effect.gradients @ (lows - effect.values[:, None]).clamp_min(0)  # (N, shares)
    above = effect.gradients @ (highs - effect.values[:, None]).clamp_max(0)
    clipped = (below[:, :, None] + above[:, None]).square().mean(0)
    rounded = ((highs - lows[:, None]) / _LEVELS).square() / 12 * effect.squares
    place = int((clipped + rounded).argmin())
    return lows[place // len(highs)].item(), highs[place % len(highs)].item()


def _widest(network: Network, calibration: Calibration, recipe: Recipe) -> dict[Node, tuple[float, float]]:
    """The minimum and the maximum of each rounded node's values over all pictures, and zero."""
    measured = measure(network, calibration).ranges(RANGES[0])
    return {
        node: (min(0.0, measured[node.name].low), max(0.0, measured[node.name].high))
        for node in rounded_nodes(network, recipe)
        if node.name in measured
    }


def _error(signal: Signal) -> float:
    """The squared error of the logits (N, classes), without their mean, as a part of theirs; the average."""
    exact, rounded = signal
    if exact.shape[1] > 1:
        exact, rounded = (logits - logits.mean(1, keepdim=True) for logits in (exact, rounded))
    lengths = exact.square().sum(1).clamp_min(torch.finfo(torch.float32).tiny)
    return float(((exact - rounded).square().sum(1) / lengths).mean())


def _with_moved(network: Network, ranges: Ranges) -> Ranges:
    """`ranges`, and those of nodes that only move values with a range."""
    found = dict(ranges)
    for node in network.graph.nodes:
        if node not in found and only_moves(node) and node.args[0] in found:
            found[node] = found[node.args[0]]
    return found


def _planes(pictures: "Tensor32") -> "Tensor":
    """(N, H, W, C) as (N, C, H, W)."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)
