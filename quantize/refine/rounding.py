"""Learned rounding: choose the integers of each layer's weights by what they do to its output.

Rounding to nearest is best for single weights but not for their sum: the error of one weight can undo that of
another. For one layer at a time, coordinate descent looks for the integers q that minimise

    | Xq (s q) - Y |^2 + r d | s q - w |^2

where Xq are its inputs in the quantized network, Y its outputs in the float network (both without their mean,
which the bias takes), s the scales, w the float weights, and d the mean diagonal of Xq' Xq. So a layer also
makes up for what earlier layers have lost. Each coordinate has a closed form, all output channels move at
once, and only Xq' Xq and Xq' Y are needed, not the pictures (COMQ, arXiv 2403.07134; QuantEase, arXiv
2309.01885; the target of the float network: GPTAQ, arXiv 2504.02692).

A weight moves by one step at most, and the largest of a channel not at all, so that the channel's scale, and
with it every integer, is what a quantizer finds in the new weights. The pull r towards the float weights
keeps a few pictures from deciding too much; without it the last layers overfit.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from ...export import pairs
from ...export.graph import Node
from ...models.captured import operator_name
from ..recipe import Recipe
from .simulation import Arguments, groups_of

if TYPE_CHECKING:
    from torch import Tensor

_PULL = 10.0
_SWEEPS = 3
_BLOCK = 64  # coordinates after which the residual of all others is brought up to date
_ROWS = 2048  # outputs of a picture that count
_WIDEST = 8192  # inputs of an output: Xq' Xq of more takes too much memory


@dataclass(slots=True)
class _Moments:
    """Of one layer, by its groups: Xq' Xq (G, K, K) and Xq' Y (G, K, O), both centred."""

    inputs: "Tensor"
    outputs: "Tensor"


def learned(node: Node, rounded: Arguments, target: "Tensor", recipe: Recipe) -> "Tensor | None":
    """Weights of a layer, (O, I, ...), on the grid of `recipe`, learned from its inputs and float outputs.

    `rounded` are its arguments in the quantized network, `target` its outputs in the float network, (N, O, H,
    W) or (N, ..., O). None if the layer is too wide to be learned in bounded memory.
    """
    (x, weight, *_), _ = rounded
    if weight[0].numel() > _WIDEST:
        return None
    groups = groups_of(node)
    safe = recipe.no_overflow and not pairs.is_depthwise(tuple(weight.shape), groups)
    grid = pairs.grid(weight.detach().numpy(), per_channel=recipe.per_channel, safe=safe)
    rows, first = (
        torch.from_numpy(pairs.as_rows(values)).float().reshape(groups, len(weight) // groups, -1)
        for values in (weight.detach().numpy(), grid.steps)
    )
    scale = torch.from_numpy(grid.scale).reshape(groups, -1)
    partners = list(map(torch.from_numpy, pairs.partners(tuple(weight.shape)))) if safe else []
    moments = _moments(node, x, weight, target, groups)
    fixed = first.abs() >= first.abs().amax(2 if recipe.per_channel else (0, 1, 2), keepdim=True)
    steps = _descend(rows, first, fixed, scale, moments, partners)
    moved = pairs.restored((steps * scale[..., None]).flatten(0, 1).numpy(), tuple(weight.shape))
    return torch.from_numpy(moved).to(weight)


def _moments(node: Node, x: "Tensor", weight: "Tensor", target: "Tensor", groups: int) -> _Moments:
    """Sums over all outputs of a sample, one picture at a time."""
    width = weight[0].numel()
    squares = torch.zeros(groups, width, width)
    products = torch.zeros(groups, width, len(weight) // groups)
    sums, targets, count = torch.zeros(groups, width), torch.zeros(groups, len(weight) // groups), 0
    for picture, wanted in zip(_inputs(node, x, weight, groups), _outputs(node, target, groups), strict=True):
        place = _sample(picture.shape[1])
        inputs, outputs = picture[:, place], wanted[:, place]
        squares.baddbmm_(inputs.mT, inputs)
        products.baddbmm_(inputs.mT, outputs)
        sums += inputs.sum(1)
        targets += outputs.sum(1)
        count += inputs.shape[1]
    squares.baddbmm_(sums[:, :, None], sums[:, None], alpha=-1 / count)
    products.baddbmm_(sums[:, :, None], targets[:, None], alpha=-1 / count)
    return _Moments(squares, products)


def _inputs(node: Node, x: "Tensor", weight: "Tensor", groups: int):  # type: ignore[no-untyped-def]
    """For each picture, what each output is computed from, in the order of `pairs.as_rows`: (G, rows, K)."""
    if operator_name(node) == "linear":
        for picture in x:
            yield picture.reshape(1, -1, x.shape[-1])
        return
    stride, padding, dilation = (
        node.args[place] if len(node.args) > place else default for place, default in ((3, 1), (4, 0), (5, 1))
    )
    kernel = weight.shape[2:]
    if isinstance(padding, str):
        x, padding = _padded(x, kernel, dilation, padding), 0
    for picture in x:
        patches = functional.unfold(picture[None], kernel, dilation, padding, stride)[0]
        channels = patches.reshape(groups, weight.shape[1], -1, patches.shape[1])
        yield channels.permute(0, 3, 2, 1).flatten(2)


def _padded(x: "Tensor", kernel: "torch.Size", dilation: object, padding: str) -> "Tensor":
    """What padding='same' means: more behind than in front where it is odd."""
    if padding == "valid":
        return x
    steps = [dilation] * 2 if isinstance(dilation, int) else list(dilation)  # type: ignore[call-overload]
    total = [step * (size - 1) for step, size in zip(steps, kernel, strict=True)]
    return functional.pad(
        x, (total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2)
    )


def _outputs(node: Node, target: "Tensor", groups: int):  # type: ignore[no-untyped-def]
    """For each picture, the float outputs: (G, rows, O)."""
    for picture in target:
        if operator_name(node) == "linear":
            yield picture.reshape(1, -1, target.shape[-1])
        else:
            yield picture.reshape(groups, picture.shape[0] // groups, -1).mT


def _sample(count: int) -> "Tensor":
    if count <= _ROWS:
        return torch.arange(count)
    picks = torch.Generator().manual_seed(0)
    return torch.randperm(count, generator=picks)[:_ROWS]


def _descend(
    exact: "Tensor",
    first: "Tensor",
    fixed: "Tensor",
    scale: "Tensor",
    moments: _Moments,
    partners: "list[Tensor]",
) -> "Tensor":
    """The integers (G, O, K) nearest to the least error, from `first` on, for float weights `exact`."""
    squares = moments.inputs
    pull = _PULL * squares.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1e-12)
    squares = squares + pull[:, None, None] * torch.eye(squares.shape[1])
    wanted = moments.outputs.mT + pull[:, None, None] * exact
    order = squares.diagonal(dim1=1, dim2=2).mean(0).argsort(descending=True)
    squares = squares[:, order][:, :, order]
    steps, residual = first[..., order].contiguous(), wanted[..., order]
    neighbours = [_permuted(partner, order) for partner in partners]
    fixed = fixed[..., order]
    low = torch.where(fixed, steps, (steps - 1).clamp_min(-127))
    high = torch.where(fixed, steps, (steps + 1).clamp_max(127))
    residual = residual - (steps * scale[..., None]) @ squares
    for _ in range(_SWEEPS):
        for start in range(0, steps.shape[2], _BLOCK):
            block = slice(start, start + _BLOCK)
            local, near = residual[..., block].clone(), squares[:, block, block]
            before = steps[..., block].clone()
            for at in range(local.shape[2]):
                place = start + at
                ideal = steps[..., place] + local[..., at] / (near[:, at, at, None] * scale)
                bounds = low[..., place], high[..., place]
                for partner in neighbours:
                    bounds = _bounded(bounds, steps, partner[place])
                found = torch.minimum(torch.maximum(ideal.round(), bounds[0]), bounds[1])
                change = (found - steps[..., place]) * scale
                local -= change[..., None] * near[:, None, at]
                steps[..., place] = found
            residual -= ((steps[..., block] - before) * scale[..., None]) @ squares[:, block]
    back = torch.empty_like(steps)
    back[..., order] = steps
    return back


def _permuted(partner: "Tensor", order: "Tensor") -> list[int]:
    """Partners by place in `order`: -1 where there is none."""
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    found = partner[order]
    return torch.where(found >= 0, place[found.clamp_min(0)], -1).tolist()  # type: ignore[no-any-return]


def _bounded(bounds: "tuple[Tensor, Tensor]", steps: "Tensor", partner: int) -> "tuple[Tensor, Tensor]":
    """The same bounds, so that the sum with the partner of the same sign stays safe."""
    if partner < 0:
        return bounds
    other = steps[..., partner]
    low = torch.maximum(bounds[0], -pairs.LIMIT - other.clamp_max(0))
    high = torch.minimum(bounds[1], pairs.LIMIT - other.clamp_min(0))
    return low, high
