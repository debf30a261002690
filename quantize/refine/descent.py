"""Coordinate descent over the integers of a layer's weights: see `rounding.py` for what it minimises."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ...export import pairs

if TYPE_CHECKING:
    from torch import Tensor

_PULL = 10.0  # towards the float weights; 2 to 30 made MobileNetV2 alike, less overfits
_SWEEPS = 3
_BLOCK = 64  # coordinates after which the residual of all others is brought up to date
_MOST = 127
_FAINTEST = 1e-12  # for inputs that are always zero; times a scale, it must stay above the smallest float32


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One layer, in G groups of O outputs that read K inputs each.

    `exact` are the float weights and `first` the integers to begin with, both (G, O, K); `fixed` are those
    that may not move; `scale` (G, O) is the size of a step. `squares` (G, K, K) and `products` (G, K, O) are
    Xq' Xq and Xq' Y. `partners`, each (K,), name the weight that a weight must not exceed 16 bits with, or
    are -1; there are none where products are added in 32 bits.
    """

    exact: "Tensor"
    first: "Tensor"
    fixed: "Tensor"
    scale: "Tensor"
    squares: "Tensor"
    products: "Tensor"
    partners: "list[Tensor]"


def descend(problem: Problem) -> "Tensor":
    """The integers (G, O, K) with the least error that was found, a step or none away from the first."""
    diagonal = problem.squares.diagonal(dim1=1, dim2=2)
    pull = _PULL * diagonal.mean(1).clamp_min(_FAINTEST)[:, None, None]
    order = diagonal.mean(0).argsort(descending=True)  # what matters most moves first
    squares = (problem.squares + pull * torch.eye(len(order)))[:, order][:, :, order]
    wanted = (problem.products.mT + pull * problem.exact)[..., order]
    steps, fixed = problem.first[..., order].contiguous(), problem.fixed[..., order]
    bounds = (
        torch.where(fixed, steps, (steps - 1).clamp_min(-_MOST)),
        torch.where(fixed, steps, (steps + 1).clamp_max(_MOST)),
    )
    scale = problem.scale[..., None]
    sweeper = _Sweeper(squares, scale, bounds, [_reordered(partner, order) for partner in problem.partners])
    residual = wanted - (steps * scale) @ squares
    for _ in range(_SWEEPS):
        sweeper.sweep(steps, residual)
    found = torch.empty_like(steps)
    found[..., order] = steps
    return found


class _Sweeper:
    """Moves every coordinate once, in blocks, so that most of the arithmetic is matrix products."""

    def __init__(
        self,
        squares: "Tensor",
        scale: "Tensor",
        bounds: "tuple[Tensor, Tensor]",
        partners: list[list[int]],
    ) -> None:
        self._squares, self._scale, self._partners = squares, scale, partners
        self._low, self._high = bounds

    def sweep(self, steps: "Tensor", residual: "Tensor") -> None:
        """Change `steps` (G, O, K) and their `residual` in place."""
        for start in range(0, steps.shape[2], _BLOCK):
            block = slice(start, start + _BLOCK)
            before = steps[..., block].clone()
            near, local = self._squares[:, block, block], residual[..., block].clone()
            for at in range(local.shape[2]):
                place = start + at
                ideal = steps[..., place] + local[..., at] / (near[:, at, at, None] * self._scale[..., 0])
                low, high = self._bounds(steps, place)
                found = torch.minimum(torch.maximum(ideal.round(), low), high)
                local -= ((found - steps[..., place])[..., None] * self._scale) * near[:, None, at]
                steps[..., place] = found
            residual -= ((steps[..., block] - before) * self._scale) @ self._squares[:, block]

    def _bounds(self, steps: "Tensor", place: int) -> "tuple[Tensor, Tensor]":
        """Within which a coordinate may move, so that no pair of the same sign exceeds 16 bits."""
        low, high = self._low[..., place], self._high[..., place]
        for partners in self._partners:
            if (partner := partners[place]) >= 0:
                other = steps[..., partner]
                low = torch.maximum(low, -pairs.LIMIT - other.clamp_max(0))
                high = torch.minimum(high, pairs.LIMIT - other.clamp_min(0))
        return low, high


def _reordered(partner: "Tensor", order: "Tensor") -> list[int]:
    """Partners by their places in `order`."""
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    found: list[int] = torch.where(partner[order] >= 0, place[partner[order].clamp_min(0)], -1).tolist()
    return found
