"""The optimiser, and the learning rate of every step."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .recipe import TrainingRecipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

_BATCH = 256  # that the learning rate is meant for


def rate(recipe: TrainingRecipe, devices: int) -> float:
    """The full learning rate of the last layer: linear in the pictures a step (arXiv 1706.02677)."""
    return recipe.learning_rate * recipe.batch * devices / _BATCH


def optimizer(
    network: "nn.Module", groups: Mapping[str, int], recipe: TrainingRecipe, devices: int
) -> "torch.optim.Optimizer":
    """The optimiser of all weights; see `tune.layer_groups` for `groups`.

    Its first parameter group holds weights of the last layer, which learn at the full rate.
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
    """Whether it is a matrix or a kernel, not a bias or scale of channels, however these are shaped."""
    return parameter.squeeze().ndim > 1


def cycle_ends(recipe: TrainingRecipe) -> tuple[int, ...]:
    """The number of epochs after which each cycle of the cosine is over; cycles are of whole epochs."""
    return tuple(recipe.epochs * cycle // recipe.cycles for cycle in range(1, recipe.cycles + 1))


def schedule(recipe: TrainingRecipe, steps: int) -> Callable[[int], float]:
    """The part of the full rate at which step number i (from 0) learns, with `steps` an epoch."""
    warm = recipe.warmup * steps
    ends = [end * steps for end in cycle_ends(recipe)]
    begins = [0, *ends[:-1]]

    def cosine(step: int) -> float:
        for begin, end in zip(begins, ends, strict=True):
            if step < end:
                top = max(begin, warm)  # the first cycle falls from where the warm-up ends
                return (1 + math.cos(math.pi * (step - top) / (end - top))) / 2
        return 0.0  # the step after the last, for which a scheduler asks too

    def stairs(step: int) -> float:
        return float(recipe.step_factor ** (step // steps // recipe.step_epochs))

    after = cosine if recipe.schedule == "cosine" else stairs
    return lambda step: (step + 1) / max(warm, step + 1) if step < warm else after(step)
