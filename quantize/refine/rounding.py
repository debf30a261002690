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

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from ...export import pairs
from ...export.graph import Node
from ...models.captured import operator_name
from ..recipe import Recipe
from .descent import Problem, descend
from .simulation import Arguments, groups_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

_ROWS = 2048  # outputs of a picture that count
_WIDEST = 8192  # inputs of an output: Xq' Xq of more takes more than 268 MB


def learned(node: Node, rounded: Arguments, target: "Tensor", recipe: Recipe) -> "Tensor | None":
    """Weights of a layer, (O, I, ...), on the grid of `recipe`, learned from its inputs and float outputs.

    `rounded` are its arguments in the quantized network, `target` its outputs in the float network, (N, O, H,
    W) or (N, ..., O). None if the layer is too wide to be learned in bounded memory.
    """
    (x, weight, *_), _ = rounded
    if weight[0].numel() > _WIDEST:
        return None
    shape, groups = tuple(weight.shape), groups_of(node)
    safe = recipe.no_overflow and not pairs.is_depthwise(shape, groups)
    values = weight.detach().numpy()
    grid = pairs.grid(values, per_channel=recipe.per_channel, safe=safe)
    exact, first = (
        torch.from_numpy(pairs.as_rows(part)).float().reshape(groups, shape[0] // groups, -1)
        for part in (values, grid.steps)
    )
    widest = first.abs().amax(2 if recipe.per_channel else (0, 1, 2), keepdim=True)
    squares, products = _moments(node, x, weight, target, groups)
    problem = Problem(
        exact,
        first,
        fixed=first.abs() >= widest,
        scale=torch.from_numpy(grid.scale).reshape(groups, -1),
        squares=squares,
        products=products,
        partners=list(map(torch.from_numpy, pairs.partners(shape))) if safe else [],
    )
    moved = descend(problem) * problem.scale[..., None]
    return torch.from_numpy(pairs.restored(moved.flatten(0, 1).numpy(), shape)).to(weight)


def _moments(
    node: Node, x: "Tensor", weight: "Tensor", target: "Tensor", groups: int
) -> "tuple[Tensor, Tensor]":
    """Xq' Xq (G, K, K) and Xq' Y (G, K, O), centred, of a sample of outputs, one picture at a time."""
    width, outputs = weight[0].numel(), len(weight) // groups
    squares, products = torch.zeros(groups, width, width), torch.zeros(groups, width, outputs)
    sums, targets, count = torch.zeros(groups, width), torch.zeros(groups, outputs), 0
    for seen, wanted in zip(_inputs(node, x, weight, groups), _outputs(node, target, groups), strict=True):
        picked = _sample(seen.shape[1])
        rows, answers = seen[:, picked], wanted[:, picked]
        squares.baddbmm_(rows.mT, rows)
        products.baddbmm_(rows.mT, answers)
        sums += rows.sum(1)
        targets += answers.sum(1)
        count += rows.shape[1]
    squares.baddbmm_(sums[:, :, None], sums[:, None], alpha=-1 / count)
    products.baddbmm_(sums[:, :, None], targets[:, None], alpha=-1 / count)
    return squares, products


def _inputs(node: Node, x: "Tensor", weight: "Tensor", groups: int) -> "Iterator[Tensor]":
    """For each picture, what each output is computed from, in the order of `pairs.as_rows`: (G, rows, K)."""
    if operator_name(node) == "linear":
        for picture in x:
            yield picture.reshape(1, -1, x.shape[-1])
        return
    given: list[Any] = [*node.args[3:6], *[1, 0, 1][len(node.args[3:6]) :]]
    stride, padding, dilation = given
    kernel = weight.shape[2:]
    if isinstance(padding, str):
        x, padding = _padded(x, kernel, dilation, padding), 0
    for picture in x:
        patches = functional.unfold(picture[None], kernel, dilation, padding, stride)[0]
        channels = patches.reshape(groups, weight.shape[1], -1, patches.shape[1])
        yield channels.permute(0, 3, 2, 1).flatten(2)


def _padded(x: "Tensor", kernel: "torch.Size", dilation: Any, padding: str) -> "Tensor":
    """What padding='same' means: more behind than in front where it is odd."""
    if padding == "valid":
        return x
    steps = [dilation] * 2 if isinstance(dilation, int) else [*dilation] * (2 // len(dilation))
    rows, columns = (step * (size - 1) for step, size in zip(steps, kernel, strict=True))
    return functional.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))


def _outputs(node: Node, target: "Tensor", groups: int) -> "Iterator[Tensor]":
    """For each picture, the float outputs: (G, rows, O)."""
    for picture in target:
        if operator_name(node) == "linear":
            yield picture.reshape(1, -1, target.shape[-1])
        else:
            yield picture.reshape(groups, picture.shape[0] // groups, -1).mT


def _sample(count: int) -> "Tensor":
    """The same places for the same number of them."""
    if count <= _ROWS:
        return torch.arange(count)
    return torch.randperm(count, generator=torch.Generator().manual_seed(0))[:_ROWS]
