"""Which layers learn: all, the last one, or group after group from the last to the first.

Lightning's `BaseFinetuning` adds a group to the optimiser at each thaw. It tells parameters apart by their
values, so that of two batch norms which are still all ones it leaves one out, and DDP averages gradients of
those weights alone that learned when it began. Here the optimiser holds all weights from the start, and
those without a gradient stay as they are.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .recipe import TrainingRecipe

if TYPE_CHECKING:
    from torch import nn

_BODY = 4  # groups before the last layer


def layer_groups(network: "nn.Module", head: str) -> dict[str, int]:
    """The group of each parameter, from 0 for the earliest to that of the layer called `head`.

    The body is cut into four parts with equally many kernels and matrices, in the order in which the network
    registers them: from input to output in the networks of torchvision and timm. Biases and norms go with
    what they follow.
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
    """The earliest group that learns in `epoch` (from 0), where `last` is the last layer's."""
    if recipe.tune == "all":
        return 0
    return last if recipe.tune == "head" else max(0, last - epoch // recipe.unfreeze_epochs)


def let_learn(network: "nn.Module", groups: Mapping[str, int], first: int) -> None:
    """Freeze the groups before `first`, statistics of batch norms included, and let the others learn."""
    from torch.nn.modules.batchnorm import _BatchNorm

    for name, parameter in network.named_parameters():
        parameter.requires_grad_(groups[name] >= first)
    for module in network.modules():
        if isinstance(module, _BatchNorm) and (own := list(module.parameters(recurse=False))):
            module.train(any(parameter.requires_grad for parameter in own))
