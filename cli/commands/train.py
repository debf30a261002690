"""`edgewise train`: from labelled pictures to a checkpoint that goes straight into `export`."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...models.training.recipe import TrainingRecipe
from ..options import output, preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from ...pipeline.train import Training

# What `TrainingRecipe` says of each field, for `--help`; the defaults are shown beside it.
_RECIPE = {
    "epochs": "Passes over the training pictures.",
    "batch": "Pictures in a step, on each device.",
    "optimizer": "Biases and normalisation are never decayed.",
    "learning_rate": "For 256 pictures in a step; scaled with what a step has.",
    "momentum": "Of SGD.",
    "weight_decay": "Pull of the weights to zero.",
    "schedule": "How the rate falls after warming up.",
    "warmup": "Epochs in which the rate rises.",
    "cycles": "Of the cosine; each leaves a snapshot, a member for `edgewise ensemble`.",
    "step_epochs": "Epochs between the steps of `step`.",
    "step_factor": "What each of them leaves of the rate.",
    "tune": "All weights, the last layer alone, or layers from the last to the first.",
    "unfreeze_epochs": "Epochs between the layers of `gradual`.",
    "layer_decay": "Part of the rate that each earlier group of layers learns at.",
    "crop": "Smallest part of a picture that a random crop takes; 1 takes what export takes.",
    "flip": "Share of pictures that are mirrored.",
    "progressive": "Side of the first pictures as a part of the last ones'; 0.5 saves much time.",
    "colour_jitter": "Strength, 0 to 1.",
    "randaugment": "Magnitude, 0 to 30; 9 is usual.",
    "mixup": "Alpha; 0.2 is usual.",
    "cutmix": "Alpha; 1 is usual.",
    "label_smoothing": "Part of the target that all classes share.",
    "dropout": "Instead of the network's own.",
    "ema": "Decay a step of the mean of the weights, which is then the result; 0.999, say.",
    "balance": "Weigh classes by how few pictures they have.",
    "patience": "Stop after so many epochs without a better top-1; 0 never does.",
    "clip": "Largest norm of the gradient; 0 leaves it alone.",
    "precision": "Arithmetic; auto is bfloat16 on GPUs that have it.",
    "seed": "The same seed, machine and libraries give the same weights.",
}


def _recipe_options(command: "Callable[..., Any]") -> "Callable[..., Any]":
    """An option for each field of `TrainingRecipe`; its default may depend on --weights."""
    for field in reversed(fields(TrainingRecipe)):
        flag, about = f"--{field.name.replace('_', '-')}", _RECIPE[field.name]
        if field.type is bool:
            option = click.option(f"{flag}/--no-{flag[2:]}", default=None, help=about)
        else:
            shown = "" if not field.default else f"  [default: {field.default}]"
            option = click.option(flag, type=_type(field.type), help=about + shown)
        command = option(command)
    return command


def _type(annotation: Any) -> Any:
    choices = getattr(annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return click.Choice(choices)
    return float if choices else annotation


@click.command(short_help="Train a network, from scratch or from other weights.")
@click.argument("name")
@click.option("--data", required=True, help="Folder of class folders, or of train/ and val/; or 'shapes'.")
@click.option(
    "--weights",
    default="auto",
    help="What to begin with: imagenet, bundled, random, or a file; auto takes imagenet, or else random.",
    show_default=True,
)
@preprocessing
@click.option(
    "--val-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.1,
    help="Part to judge by, where the folder has no val/.",
    show_default=True,
)
@_recipe_options
@click.option(
    "--devices", type=click.IntRange(min=1), default=1, help="GPUs, or processes.", show_default=True
)
@click.option(
    "--num-nodes", "nodes", type=click.IntRange(min=1), default=1, help="Machines.", show_default=True
)
@click.option(
    "--accelerator",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    show_default=True,
    help="What to compute with.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    help="Processes that read pictures.",
    show_default=True,
)
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder.  [default: runs/NAME]")
@click.option("--resume", is_flag=True, help="Go on with the run in that folder, from its last whole epoch.")
@output
def command(**options: Any) -> None:
    """Train NAME on labelled pictures and write a checkpoint that says all of itself.

    It holds weights, classes, preprocessing, recipe and metrics, and goes straight into `export`.

    A killed run goes on with --resume and loses at most the epoch that it was in; its curve is the same.

    \b
    edgewise train mobilenetv2 --data photos --epochs 10
    edgewise train mobilenetv2 --data photos --weights imagenet --tune gradual --layer-decay 0.5
    edgewise export runs/mobilenetv2/model.safetensors --to tflite --int8 --data photos
    """
    from ...models.training.engine import is_first
    from ...pipeline.train import train
    from ..terminal import terminal

    as_json, quiet, verbose = (options.pop(key) for key in ("as_json", "quiet", "verbose"))
    given = {field.name: options.pop(field.name) for field in fields(TrainingRecipe)}
    first = is_first()  # of several devices' processes
    with terminal(as_json=as_json and first, quiet=quiet or not first, verbose=verbose) as screen:
        found = train(options.pop("name"), **options, **given, progress=screen)
        if first:
            _show(screen.results, found)
            screen.finish(found.to_json())


def _show(console: "Console", found: "Training") -> None:
    """The figures, the checkpoint, and what to do with it."""
    from rich.markup import escape

    plan, result = found.plan, found.result
    done = (
        f"{result.epochs} of {plan.recipe.epochs} epochs"
        if result.stopped_early
        else f"{result.epochs} epochs"
    )
    console.print(
        f"top-1 {result.top1:.2%}, calibration error (ECE) {result.ece:.3f} on {len(plan.dataset.val):,} "
        f"pictures after {done}, {result.seconds / 60:.1f} minutes",
        soft_wrap=True,
    )
    console.print(f"{escape(str(result.path))}", soft_wrap=True)
    console.print(
        f"[dim]next: edgewise export {escape(str(result.path))} --to tflite --int8[/]", soft_wrap=True
    )
