"""How changes of an activation's values change the logits, to first order, summed up by value.

If each value x of an activation changes by e(x), the logits change by J e(x). Their Jacobian J is too large
to compute, but for random signs r, the gradient g of r'logits has E[(g'e)^2] = |J e|^2, so one backward pass
for each picture is enough (Hutchinson's estimator). As the change depends on the value alone, it is enough to
know the sum of g over the elements of each value.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.fx import Interpreter

from ...export.graph import Network, Node
from .simulation import Ranges, is_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_BINS = 2048  # 8 for each of the 256 steps of INT8


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """What an activation does to the logits, in units of the length of the logits without their mean.

    `values` (B,) are evenly spaced between its bounds. `gradients` (N, B) are, for each of N pictures, the
    sum of g over the elements next to that value; `squares` is the sum of all g^2, averaged over pictures.
    """

    values: "Tensor"
    gradients: "Tensor"
    squares: float


def effects(graph: Network, pictures: "Tensor", bounds: Ranges) -> dict[Node, Effect]:
    """The effects of the nodes in `bounds`, for `pictures` (N, C, H, W), whose values lie between these.

    Nodes are left out whose values are constant, or that the logits do not depend on.
    """
    sums: dict[Node, list[Tensor]] = {}
    squares: dict[Node, float] = {}

    def watch(node: Node, value: "Tensor") -> None:
        low, high = bounds[node]
        steps = (value.detach() - low) * ((_BINS - 1) / (high - low))
        places = steps.round_().clamp_(0, _BINS - 1).flatten().to(torch.int32)

        def add(gradient: "Tensor") -> None:
            weights = gradient.flatten()
            sums.setdefault(node, []).append(torch.bincount(places, weights, _BINS).double())
            squares[node] = squares.get(node, 0.0) + weights.square().sum().item()

        value.register_hook(add)  # type: ignore[no-untyped-call]

    signs = torch.Generator().manual_seed(0)
    watched = {node for node, (low, high) in bounds.items() if high > low}
    with torch.enable_grad():
        for picture in pictures:
            x = picture[None].detach().requires_grad_().clone()  # a network may change its input in place
            projected = _projected(_Watching(graph, watched, watch).run(x), signs)
            projected.backward()  # type: ignore[no-untyped-call]
    return {
        node: Effect(
            torch.linspace(*bounds[node], _BINS, dtype=torch.float64),
            torch.stack(found),
            squares[node] / len(pictures),
        )
        for node, found in sums.items()
        if len(found) == len(pictures) and 0 < squares[node] < math.inf
    }


class _Watching(Interpreter):
    """Shows the outputs of some nodes, before others change them in place."""

    def __init__(self, graph: Network, watched: set[Node], watch: "Callable[[Node, Tensor], None]") -> None:
        super().__init__(graph)
        self._watched, self._watch = watched, watch

    def run_node(self, n: Node) -> Any:
        value = super().run_node(n)
        if n in self._watched and is_values(value) and value.requires_grad:
            self._watch(n, value)
        return value


def _projected(logits: "Tensor", signs: "torch.Generator") -> "Tensor":
    """The product of the logits (1, classes), without their mean and of length 1, with random signs."""
    centred = logits - logits.mean() if logits.shape[1] > 1 else logits
    length = centred.detach().norm().clamp_min(torch.finfo(torch.float32).tiny)
    random = torch.randint(0, 2, centred.shape, generator=signs) * 2 - 1
    projected: Tensor = (centred * random).sum() / length
    return projected
