"""The optimiser and the learning rate schedule."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .recipe import TrainingRecipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

_BATCH = 256  # the batch size that the learning rate is defined for


def rate(recipe: TrainingRecipe, devices: int) -> float:
    """The peak learning rate of the last layer: linear in the total batch size (arXiv 1706.02677)."""
    return recipe.learning_rate * recipe.batch * devices / _BATCH


def optimizer(
    network: "nn.Module", groups: Mapping[str, int], recipe: TrainingRecipe, devices: int
) -> "torch.optim.Optimizer":
    """The optimiser for all weights; see `tune.layer_groups` for `groups`.

    Its first parameter group contains weights of the last layer, which train at the peak rate.
    """
    import torch

    parameters = _parameters(network, groups, recipe, rate(recipe, devices))
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, betas=(recipe.momentum, 0.999))
    return torch.optim.SGD(parameters, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def _parameters(
    network: "nn.Module", groups: Mapping[str, int], recipe: TrainingRecipe, full: float
) -> list[dict[str, Any]]:
    last = max(groups.values())
    gathered: dict[tuple[int, bool], list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        gathered.setdefault((groups[name], _decays(parameter)), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": full * recipe.layer_decay ** (last - group),
            "weight_decay": recipe.weight_decay if decays else 0.0,
        }
        for (group, decays), parameters in sorted(gathered.items(), key=lambda item: item[0], reverse=True)
    ]


def _decays(parameter: "Tensor") -> bool:
    """Whether it is a matrix or a kernel, not a bias or a per-channel scale, whatever their shapes."""
    return parameter.squeeze().ndim > 1


def cycle_ends(recipe: TrainingRecipe) -> tuple[int, ...]:
    """The number of epochs after which each cosine cycle ends; cycles consist of whole epochs."""
    return tuple(recipe.epochs * cycle // recipe.cycles for cycle in range(1, recipe.cycles + 1))


def schedule(recipe: TrainingRecipe, steps: int) -> Callable[[int], float]:
    """The factor on the peak rate by step (from 0), with `steps` per epoch."""
    warm = recipe.warmup * steps
    ends = [end * steps for end in cycle_ends(recipe)]
    begins = [0, *ends[:-1]]

    def cosine(step: int) -> float:
        for begin, end in zip(begins, ends, strict=True):
            if step < end:
                top = max(begin, warm)  # the first cycle starts to fall when the warm-up ends
                return (1 + math.cos(math.pi * (step - top) / (end - top))) / 2
        return 0.0  # schedulers also ask for the step after the last

    def stairs(step: int) -> float:
        return float(recipe.step_factor ** (step // steps // recipe.step_epochs))

    after = cosine if recipe.schedule == "cosine" else stairs
    return lambda step: (step + 1) / max(warm, step + 1) if step < warm else after(step)
