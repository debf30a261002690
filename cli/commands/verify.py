"""`edgewise verify`: prove a bundle again, on this machine. Needs no torch."""

from pathlib import Path
from typing import Any

import click

from ..options import limits, output


@click.command(short_help="Prove a bundle again, on this machine.")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), help="Labelled folders to measure the accuracy drop with."
)
@limits
@click.option("--threads", type=click.IntRange(min=1), default=2, help="Threads.", show_default=True)
@output
def command(bundle: Path, *, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> None:
    """Check BUNDLE's files, run its golden sample, and compare it with the float model that it carries.

    Accuracy is judged by --data, or by the generated set where the bundle has the bundled weights; without
    labels, by agreement on generated pictures. Exit codes are those of export.
    """
    from ...pipeline.verify import verify
    from ..terminal import terminal
    from ..views.conversion import show_verified

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        found = verify(bundle, progress=screen, **options)
        show_verified(screen.results, found)
        screen.finish(found.to_json(), found.require)
