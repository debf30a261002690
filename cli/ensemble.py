"""`edgewise ensemble`: several networks in one exported graph, beside its single members."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import conversion, labels, limits, outcome, pictures, preprocessing
from ._request import request_of

if TYPE_CHECKING:
    from rich.console import Console

    from ..models.ensemble import Average
    from ..pipeline.convert import ConvertRequest
    from ..pipeline.gain import MemberCost, MemberScore
    from ._terminal import Terminal


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
    as_json, verbose = options.pop("as_json"), options.pop("verbose")
    chosen = {key: options.pop(key) for key in ("members", "weights", "average", "fit", "interpolation")}
    request = request_of(options | {"name": "ensemble", "weights": "auto"})
    _refuse(chosen)
    from ._terminal import terminal

    with terminal(verbose=verbose, quiet=as_json) as screen:
        document = _run(request, chosen, screen)
    if as_json:
        click.echo(json.dumps(document, indent=2))


def _refuse(chosen: dict[str, Any]) -> None:
    """Raise a `UsageError` for what needs no network to be seen."""
    from ..models.ensemble import normalised
    from ..models.errors import UsageError

    fits = chosen["weights"] == "fit"
    normalised(None if fits else chosen["weights"], len(chosen["members"]))
    if chosen["fit"] and not fits:
        raise UsageError("--fit names pictures to fit weights on; add --weights fit, or leave it out")


def _run(request: "ConvertRequest", chosen: dict[str, Any], screen: "Terminal") -> dict[str, Any]:
    from ..models.ensemble import combine, normalised
    from ..pipeline import gain as _gain
    from ..pipeline.members import load_members
    from ..pipeline.progress import Journal
    from ..runtime.judge import evaluation
    from ._report import to_json
    from ._reported import reported

    average: Average = chosen["average"]
    journal = Journal(screen)
    with screen.stage("Load the members"):
        team = load_members(chosen["members"], request.overrides, chosen["interpolation"], screen.notice)
    models = [member.model for member in team]
    like = models[0].spec
    weights = normalised(None if chosen["weights"] == "fit" else chosen["weights"], len(team))
    combine(models, weights, average)  # members that do not go together, before anything takes time
    judging = evaluation.choose(like, request.data, request.eval_count, (), request.seed)
    fitting = None
    if chosen["weights"] == "fit":
        fitting, judging = _gain.parted(judging, chosen["fit"], like)
        found = _gain.fitted(_gain.answered(team, like, fitting, journal), average)
        team, weights = _gain.without_idle(team, found, journal)
    answers = _gain.answered(team, like, judging, journal)
    scores = _gain.scores(team, weights, average, answers)
    model = combine([member.model for member in team], weights, average)
    facts = {
        "average": average,
        "fitted_on": None if fitting is None else {"pictures": fitting.description, "count": fitting.count},
        "judged_on": {"pictures": judging.description, "count": len(answers.indices)},
    }
    result = reported(request, screen, replace(model, record={**(model.record or {}), **facts}))
    firsts = {product.twin.artifact.target: product.bundle for product in result.products[::-1]}
    costs = [cost for bundle in firsts.values() if bundle for cost in _gain.costs(team, bundle, journal)]
    _show(screen.console, scores, costs, judging.description)
    return {"ensemble": {**facts, "models": _gain.to_json(scores, costs)}} | to_json(result, screen.notices)


def _show(console: "Console", scores: "list[MemberScore]", costs: "list[MemberCost]", pictures: str) -> None:
    """The ensemble beside its members, and what it gains over the best of them."""
    from ._terminal import table

    judged = [score for score in scores if score.accuracy]
    headings = ("top-1", "ECE", "ensemble gains") if judged else ("agreement",)
    shown = table("", *headings, "", "latency", "size")
    for place, score in enumerate(scores, 1):
        cells = [score.name if score.weight is None else f"member {place}", *_cells(score)]
        for cost in (cost for cost in costs if cost.name == score.name):
            size = f"{cost.size_bytes / 1e6:.2f} MB"
            shown.add_row(*cells, cost.target, f"{cost.latency.p50_ms:.2f} ms", size)
            cells = [""] * len(cells)
    console.print()
    console.print(shown)
    for place, score in enumerate(scores[:-1], 1):
        line = f"member {place}: {score.name}, weight {score.weight:.3f}"
        console.print(line, style="dim", markup=False, soft_wrap=True)
    console.print(_conclusion(judged[:-1], costs, pictures), markup=False, soft_wrap=True)


def _cells(score: "MemberScore") -> list[str]:
    if score.accuracy is None or score.ece is None:
        return [f"{100 * score.agreement:.1f} %"]
    return [f"{100 * score.accuracy.top1:.2f} %", f"{100 * score.ece:.2f} %", _points(score)]


def _points(score: "MemberScore") -> str:
    """The gain with its 95 % interval: '+1.20 (0.4 to 2.0)'; nothing for the ensemble itself."""
    if score.gain is None:
        return ""
    return f"{score.gain.points:+.2f} ({score.gain.interval.low:.1f} to {score.gain.interval.high:.1f})"


def _conclusion(members: "list[MemberScore]", costs: "list[MemberCost]", pictures: str) -> str:
    if not members:
        return f"{pictures} have no labels: whether the ensemble gains anything, --data DIR would show"
    best = max(members, key=lambda score: score.accuracy.top1 if score.accuracy else 0.0)
    times = next((cost.ratio.ratio for cost in costs if cost.name == best.name and cost.ratio), 1.0)
    return (
        f"the ensemble gains {_points(best)} points of top-1 on {pictures} over {best.name}, the best "
        f"member, and takes {times:.1f} times as long"
    )
