"""`edgewise train`: from labelled pictures to a checkpoint that goes straight into `export`."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...models.training.recipe import TrainingRecipe
from ..choices import NameOrFile, networks, sources
from ..groups import GroupedCommand, in_group
from ..options import output, preprocessing
from ..recipe import recipe

if TYPE_CHECKING:
    from rich.console import Console

    from ...pipeline.train import Training

_data = in_group("Data")
_hardware = in_group("Hardware")
_run = in_group("Run")


def _require_recipe(values: dict[str, Any]) -> None:
    fixed = {field.name: values[field.name] for field in fields(TrainingRecipe)}
    TrainingRecipe(**{name: value for name, value in fixed.items() if value is not None})


@click.command(
    cls=GroupedCommand,
    check=_require_recipe,
    short_help="Train a network, from scratch or from other weights.",
)
@click.argument("name", type=NameOrFile("NAME", networks))
@_data(
    "--data",
    required=True,
    type=NameOrFile("DIR|shapes", lambda: ["shapes"]),
    metavar="DIR|shapes",
    help="Folder that holds a folder of pictures for each class, or train/ and val/ with such folders, or "
    "shapes for generated pictures.",
)
@_data(
    "--val-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="FRACTION",
    default=0.1,
    help="Fraction of each class to validate with, where the folder has no val/.",
)
@_run(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the run.",
    show_default="runs/NAME",
)
@_run(
    "--resume",
    is_flag=True,
    help="Continue the run in that folder from its last complete epoch, for more epochs if --epochs says so.",
)
@_run("--report/--no-report", default=True, help="Write report.html into the folder of the run.")
@_run(
    "--thumbnails/--no-thumbnails",
    default=True,
    help="Show the pictures that are answered wrong in report.html.",
)
@in_group("Network")(
    "--weights",
    type=NameOrFile("SOURCE", sources),
    default="auto",
    help="Begin with imagenet, bundled or random weights, or a file. auto takes imagenet if available, "
    "otherwise random.",
)
@preprocessing
@recipe
@_hardware(
    "--accelerator",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    help="Hardware to train on.",
)
@_hardware(
    "--devices",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    help="Number of GPUs, or of processes without one, on each machine.",
)
@_hardware(
    "--num-nodes",
    "nodes",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    help="Number of machines.",
)
@_hardware(
    "--workers",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    help="Number of processes that read pictures.",
)
@output
def command(**options: Any) -> None:
    """Train NAME on labelled pictures and write a checkpoint that `edgewise export` takes as it is.

    The checkpoint holds weights, classes, preprocessing, recipe and metrics.

    A run that was killed continues with --resume and loses at most the epoch that it was in; its learning
    curve is the same. With a larger --epochs, --resume extends a run: the further epochs follow the learning
    rate schedule of the new number.

    \b
    edgewise train mobilenetv2 --data photos --epochs 10
    edgewise train mobilenetv2 --data photos --weights imagenet --tune gradual --layer-decay 0.5
    edgewise export runs/mobilenetv2/model.safetensors --to tflite --int8 --data photos
    """
    from ...models.training.process import is_first
    from ..terminal import terminal

    as_json, quiet, verbose = (options.pop(key) for key in ("as_json", "quiet", "verbose"))
    given = {field.name: options.pop(field.name) for field in fields(TrainingRecipe)}
    first = is_first()  # of several devices' processes
    with terminal(as_json=as_json and first, quiet=quiet or not first, verbose=verbose) as screen:
        with screen.starting():
            from ...pipeline.train import train
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
    if found.report is not None:
        console.print(f"{escape(str(found.report))}", soft_wrap=True)
    console.print(
        f"[dim]next: edgewise export {escape(str(result.path))} --to tflite --int8[/]", soft_wrap=True
    )
