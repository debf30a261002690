"""`edgewise ensemble`: several networks in one exported graph, beside its single members."""

from pathlib import Path
from typing import Any

import click

from ..choices import NameOrFile, networks
from ..groups import GroupedCommand, in_group
from ..options import conversion, labels, limits, outcome, output, pictures, preprocessing, speed

_members = in_group("Members")


class _Weights(click.ParamType["tuple[float, ...] | str"]):
    """A number for each member, separated by commas, or the word 'fit'."""

    name = "W,...|fit"
    separator = ","

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...] | str:
        if str(value).strip().lower() == "fit":
            return "fit"
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is neither numbers like 2,1,1 nor the word fit", param, ctx)


def _require_fitting(values: dict[str, Any]) -> None:
    from ...pipeline.ensemble import require_fitting

    require_fitting(values["weights"], values["fit"])


@click.command(
    cls=GroupedCommand,
    check=_require_fitting,
    short_help="Export several networks as one that averages them.",
)
@click.argument(
    "members",
    nargs=-1,
    required=True,
    metavar="MEMBER MEMBER...",
    type=NameOrFile("MEMBER", networks),
)
@_members(
    "--weights",
    type=_Weights(),
    metavar="W,...|fit",
    help="Weight of each member, as 2,1,1. `fit` finds the weights that suit labelled pictures best, which "
    "are then not used for evaluation.",
    show_default="equal weights",
)
@_members(
    "--average",
    type=click.Choice(["probabilities", "logits"]),
    default="probabilities",
    help="Average the members' probabilities or logits.",
)
@_members(
    "--fit",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Labelled pictures to fit the weights on.",
    show_default="a fifth of --data",
)
@conversion
@preprocessing
@labels
@pictures
@limits
@speed
@outcome
@output
def command(**options: Any) -> None:
    """Average MEMBERs in one graph, show what that gains and costs, and export it.

    A member is what `edgewise export` takes as NAME, or NAME=WEIGHTS, or the path of a checkpoint. Snapshots
    of one training run can be members. Different means and standard deviations and a different order of the
    classes are compensated in the graph. Measuring the gain needs labelled pictures: --data, or generated
    shapes for members that were trained on these.

    \b
    edgewise ensemble runs/a/model.safetensors runs/b/model.safetensors --int8 --data val
    edgewise ensemble mobilenetv2 efficientnetb0 --imgsz 224 --resize 256 --interpolation bilinear
    edgewise ensemble mobilenetv2=a.pth resnet18=b.pth --labels l.txt --weights fit --data val --to all
    """
    from ..terminal import terminal

    screen_options = {key: options.pop(key) for key in ("as_json", "quiet", "verbose")}
    chosen = {key: options.pop(key) for key in ("members", "weights", "average", "fit")}
    with terminal(**screen_options) as screen:
        with screen.starting():
            from ...pipeline.ensemble import combined
            from ...pipeline.request import ConvertRequest
            from ..views.conversion import reporting, show_conversion
            from ..views.ensemble import show_members
        with reporting(screen):
            result = combined(ConvertRequest(model="ensemble", **options), **chosen, progress=screen)
        show_conversion(screen.results, result.conversion)
        show_members(screen.results, result)
        screen.finish(result.to_json(), result.conversion.require)
