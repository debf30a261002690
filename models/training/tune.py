"""Freezes layers: trains all, only the last, or group after group from the last to the first.

Lightning's `BaseFinetuning` adds a group to the optimiser whenever it unfreezes one. It compares parameters
by value, so it skips one of two batch norms that are still all ones, and DDP only averages the gradients of
weights that were trainable at the start. Here the optimiser has all weights from the start, and weights
without a gradient stay unchanged.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .recipe import TrainingRecipe

if TYPE_CHECKING:
    from torch import nn

_BODY = 4  # groups before the last layer


def layer_groups(network: "nn.Module", head: str) -> dict[str, int]:
    """The group of each parameter, from 0 for the earliest layers to the last for the layer `head`.

    The body is split into four parts with equally many kernels and matrices, in the order in which the
    network registers them, which is from input to output in torchvision and timm. Biases and norms belong to
    the layer that they follow.
    """
    body = {name: tensor for name, tensor in network.named_parameters() if not name.startswith(f"{head}.")}
    layers = sum(tensor.ndim > 1 for tensor in body.values())
    parts, seen, groups = min(_BODY, layers), 0, {}
    for name, _ in network.named_parameters():
        if name in body:
            seen += body[name].ndim > 1
            groups[name] = max(0, math.ceil(parts * seen / layers) - 1)
        else:
            groups[name] = parts
    return groups


def first_learning(recipe: TrainingRecipe, epoch: int, last: int) -> int:
    """The earliest group that trains in `epoch` (from 0), where `last` is the group of the last layer."""
    if recipe.tune == "all":
        return 0
    return last if recipe.tune == "head" else max(0, last - epoch // recipe.unfreeze_epochs)


def let_learn(network: "nn.Module", groups: Mapping[str, int], first: int) -> None:
    """Freeze the groups before `first`, including batch norm statistics, and unfreeze the others."""
    from torch.nn.modules.batchnorm import _BatchNorm

    for name, parameter in network.named_parameters():
        parameter.requires_grad_(groups[name] >= first)
    for module in network.modules():
        if isinstance(module, _BatchNorm) and (own := list(module.parameters(recurse=False))):
            module.train(any(parameter.requires_grad for parameter in own))
