"""`edgewise gate`: fail where a model is worse than an older one. Needs no torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..ci import for_ci, telling
from ..groups import GroupedCommand, in_group
from ..options import jobs, output

if TYPE_CHECKING:
    from rich.console import Console

    from ...pipeline.gate import Gated

_limits = in_group("Gates")
_evaluation = in_group("Evaluation")
_LIMIT = click.FloatRange(min=0)


@click.command(cls=GroupedCommand, short_help="Fail where a bundle is worse than an older one.")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--baseline", type=click.Path(path_type=Path), metavar="BUNDLE", required=True, help="The older bundle."
)
@_evaluation(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Labelled pictures, a folder for each class, to compare the accuracy with.",
)
@jobs(_evaluation)
@_limits("--max-drop", type=_LIMIT, metavar="POINTS", default=1.0, help="Largest loss of top-1 accuracy.")
@_limits("--max-loss-db", type=_LIMIT, metavar="DB", default=1.0, help="Largest loss of SQNR against float.")
@_limits("--max-growth", type=_LIMIT, metavar="PERCENT", default=5.0, help="Largest growth of the file.")
@_limits(
    "--max-slowdown", type=_LIMIT, metavar="PERCENT", default=10.0, help="Largest slowdown on this machine."
)
@_limits("--latency/--no-latency", default=True, help="Compare times too, each model in turn.")
@_limits("--strict", is_flag=True, help="Fail also if the pictures decide nothing.")
@for_ci
@output
def command(
    bundle: Path,
    baseline: Path,
    junit: Path | None,
    summary: Path | None,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Compare BUNDLE with an older one of the same classes, and end with exit code 8 if it is worse.

    Both are run here on the same pictures: top-1 accuracy, where there are labels, fidelity to the float
    models, size, and time in turn. Each is judged by its 95 % interval.

    \b
    edgewise gate dist/mobilenetv2-tflite-w8a8 --baseline released/mobilenetv2-tflite-w8a8 --data val
    """
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...pipeline.gate import gate
        with telling("edgewise gate", bundle.name, junit, summary) as tell:
            found = gate(bundle, baseline, progress=screen, **options)
            tell(found)
        _show(screen.results, found)
        screen.finish(found.to_json(), found.require)


def _show(console: "Console", found: "Gated") -> None:
    from ...runtime.judge.drop import Verdict
    from ..terminal import table

    colours = {Verdict.PASS: "green", Verdict.FAIL: "red"}
    shown = table("", "baseline", "found", "worse by", "95 % interval", "allowed", "")
    for check in found.checks:
        low, high = check.interval.low, check.interval.high
        verdict, colour = str(check.verdict).upper(), colours.get(check.verdict, "yellow")
        shown.add_row(
            check.name,
            check.baseline,
            check.found,
            f"{check.worse:.2f} {check.unit}",
            f"{low:.2f} to {high:.2f}" if high > low else "",
            f"{check.allowed:g}",
            f"[{colour}]{verdict}[/]",
        )
    console.print(shown)
    console.print(f"[dim]judged by {found.count:,} pictures ({found.pictures})[/]")
