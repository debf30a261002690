"""`edgewise compare`: the cross-runtime parity matrix, PyTorch against every file, each against each."""

from pathlib import Path
from typing import Any

import click

from ..options import output


@click.command(short_help="Compare PyTorch and the files of bundles, each with each.")
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--torch/--no-torch",
    default=None,
    help="Insist on PyTorch's network, or leave it out.  [default: where it can be loaded]",
)
@click.option("--weights", type=click.Path(path_type=Path), help="The file that the bundles were made from.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Labelled folders to compare with; gives accuracies too."
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=400,
    help="How many pictures at most.",
    show_default=True,
)
@click.option("--threads", type=click.IntRange(min=1), default=2, help="Threads.", show_default=True)
@output
def command(bundles: tuple[Path, ...], *, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> None:
    """Compare the models and float twins of BUNDLES, and the network in PyTorch, on the same pictures.

    Of each pair: the largest difference of a logit, absolute and relative, how often the first answers agree,
    SQNR and cosine. Pictures are --data, or those that `edgewise verify` takes.
    """
    from ...pipeline.compare import compare
    from ..terminal import terminal
    from ..views.compare import show_matrix

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        found = compare(bundles, progress=screen, **options)
        show_matrix(screen.results, found)
        screen.finish(found.to_json())
