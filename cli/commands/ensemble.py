"""`edgewise ensemble`: several networks in one exported graph, beside its single members."""

from pathlib import Path
from typing import Any

import click

from ..options import conversion, labels, limits, outcome, output, pictures, preprocessing


class _Weights(click.ParamType["tuple[float, ...] | str"]):
    """A number for each member, with commas between, or the word 'fit'."""

    name = "W,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...] | str:
        if str(value).strip().lower() == "fit":
            return "fit"
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is neither numbers like 2,1,1 nor the word fit", param, ctx)


@click.command(short_help="Export several networks as one that averages them.")
@click.argument("members", nargs=-1, required=True, metavar="MEMBER MEMBER...")
@click.option(
    "--weights",
    type=_Weights(),
    help="What each member counts, as 2,1,1, or fit: what suits pictures best that judge nothing.  "
    "[default: all alike]",
)
@click.option(
    "--average",
    type=click.Choice(["probabilities", "logits"]),
    default="probabilities",
    help="What is averaged.",
    show_default=True,
)
@click.option(
    "--fit",
    type=click.Path(path_type=Path),
    help="Labelled folders to fit weights on.  [default: a fifth of --data]",
)
@click.option(
    "--interpolation",
    type=click.Choice(["bilinear", "bicubic"]),
    help="How all members' pictures are resized, where theirs differ.",
)
@conversion
@preprocessing
@labels
@pictures
@limits
@outcome
@output
def command(**options: Any) -> None:
    """Average MEMBERs in one graph: one input, one output. Show what that gains and costs, then export it.

    A member is what `edgewise export` takes as NAME, or NAME=WEIGHTS, or the path of a checkpoint; snapshots
    of one training run are members like others. Other means and deviations and another order of the classes
    are made good in the graph. The gain needs labelled pictures: --data, or generated shapes for members
    that were trained on these.

    \b
    edgewise ensemble runs/a/model.safetensors runs/b/model.safetensors --int8 --data val
    edgewise ensemble mobilenetv2 efficientnetb0 --imgsz 224 --resize 256 --interpolation bilinear
    edgewise ensemble mobilenetv2=a.pth resnet18=b.pth --labels l.txt --weights fit --data val --to all
    """
    from ...pipeline.ensemble import combined
    from ...pipeline.request import ConvertRequest
    from ..terminal import terminal
    from ..views.conversion import reporting, show_conversion
    from ..views.ensemble import show_members

    screen_options = {key: options.pop(key) for key in ("as_json", "quiet", "verbose")}
    chosen = {key: options.pop(key) for key in ("members", "weights", "average", "fit", "interpolation")}
    with terminal(**screen_options) as screen:
        with reporting(screen):
            result = combined(ConvertRequest(model="ensemble", **options), **chosen, progress=screen)
        show_conversion(screen.results, result.conversion)
        show_members(screen.results, result)
        screen.finish(result.to_json(), result.conversion.require)
