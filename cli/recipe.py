"""The options of a training recipe: one for each field of `TrainingRecipe`, in groups."""

from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

import click

from ..models.training.recipe import TrainingRecipe
from .groups import in_group

# What `--help` says of each field; the defaults are shown beside it.
ABOUT = {
    "Schedule": {
        "epochs": "Number of passes over the training pictures.",
        "batch": "Pictures per step on each device.",
        "schedule": "How the learning rate falls after the warm-up.",
        "warmup": "Epochs in which the learning rate rises.",
        "cycles": "Number of cosine cycles. Each leaves a snapshot, which can be a member of an ensemble.",
        "step_epochs": "Epochs between the steps of the step schedule.",
        "step_factor": "Factor that each step multiplies the learning rate by.",
        "patience": "Stop after this many epochs without a better top-1; 0 never stops early.",
    },
    "Optimizer": {
        "optimizer": "Optimizer. Biases and normalisation layers get no weight decay.",
        "learning_rate": "Learning rate for 256 pictures per step; it is scaled to the actual number.",
        "momentum": "Momentum of SGD.",
        "weight_decay": "Weight decay.",
        "clip": "Clip gradients to this norm; 0 does not clip.",
        "ema": "Decay per step of an exponential moving average of the weights, such as 0.999, which is then "
        "the result; 0 keeps none.",
        "seed": "Random seed. The same seed, machine and libraries give the same weights.",
    },
    "Fine-tuning": {
        "tune": "Train all weights, the last layer alone, or gradually more layers, beginning with the last.",
        "unfreeze_epochs": "Epochs between the layers of gradual fine-tuning.",
        "layer_decay": "Factor on the learning rate for each earlier group of layers.",
    },
    "Augmentation": {
        "crop": "Smallest part of a picture that a random crop takes; 1 takes the crop that export takes.",
        "flip": "Fraction of the pictures that are mirrored.",
        "progressive": "Size of the first epoch's pictures relative to the last one's; 0.5 saves much time.",
        "colour_jitter": "Strength of colour jitter, from 0 to 1.",
        "randaugment": "Magnitude of RandAugment, from 0 to 30; 9 is usual.",
        "mixup": "Alpha of mixup; 0.2 is usual.",
        "cutmix": "Alpha of CutMix; 1 is usual.",
    },
    "Regularisation": {
        "label_smoothing": "Part of the target that is spread over all classes.",
        "dropout": "Dropout rate that replaces the network's own.",
        "balance": "Weight classes in the loss by how few pictures they have.",
    },
    "Hardware": {
        "precision": "Arithmetic; auto takes bfloat16 on GPUs that have it.",
    },
}
_DEFAULTS = {  # where the default depends on what training begins with
    "learning_rate": "0.1, or 0.03 for pretrained weights",
    "dropout": "the network's own",
    "balance": "no-balance",
}


def recipe(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each field; None where the user leaves it to the recipe."""
    known = {field.name: field for field in fields(TrainingRecipe)}
    options = [(group, known[name], text) for group, texts in ABOUT.items() for name, text in texts.items()]
    for group, field, text in reversed(options):
        command = _option(group, field, text)(command)
    return command


def _option(group: str, field: Field[Any], text: str) -> Any:
    flag = f"--{field.name.replace('_', '-')}"
    settings: dict[str, Any] = {
        "default": None,
        "help": text,
        "show_default": _DEFAULTS.get(field.name, str(field.default)),
    }
    if field.type is bool:
        return in_group(group)(f"{flag}/--no-{flag[2:]}", **settings)
    return in_group(group)(flag, type=_type(field.type), **settings)


def _type(annotation: Any) -> Any:
    choices = getattr(annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return click.Choice(choices)
    return float if choices else annotation
