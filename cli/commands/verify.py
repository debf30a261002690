"""`edgewise verify`: prove a bundle again, on this machine. Needs no torch."""

from pathlib import Path
from typing import Any

import click

from ..ci import for_ci, telling
from ..groups import GroupedCommand, in_group
from ..options import jobs, limits, on_ray, output

_evaluation = in_group("Evaluation")


@click.command(cls=GroupedCommand, short_help="Prove a bundle again, on this machine.")
@click.argument("bundle", type=click.Path(path_type=Path))
@_evaluation(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Labelled pictures, a folder for each class, to measure the accuracy drop with.",
)
@_evaluation(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    default=2,
    help="Threads of the engine. Processes of --jobs have one each.",
)
@jobs(_evaluation)
@_evaluation(
    "--device",
    metavar="NAME",
    help="Run the model on ssh://user@host[:port], adb[:serial] or browser; compare it with this machine.",
    show_default="this machine",
)
@on_ray(in_group("Several machines"))
@_evaluation(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the bundle's report, with what was found now, to this HTML file.",
)
@limits
@for_ci
@output
def command(
    bundle: Path,
    junit: Path | None,
    summary: Path | None,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Check BUNDLE's files, run its golden sample, and compare it with the float model that it carries.

    Accuracy is measured on --data, or on generated pictures if the bundle has the bundled weights. Without
    labels, only the agreement with the float model is measured, on generated pictures, and accuracy is
    UNPROVEN. Exit codes are those of `edgewise export`.
    """
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...pipeline.verify import verify
            from ..views.conversion import show_verified
        with telling("edgewise verify", bundle.name, junit, summary) as tell:
            found = verify(bundle, progress=screen, **options)
            tell(found)
        show_verified(screen.results, found)
        screen.finish(found.to_json(), found.require)
