"""`edgewise compare`: the cross-runtime parity matrix of a network and the files made from it."""

from pathlib import Path
from typing import Any

import click

from ..groups import GroupedCommand, in_group
from ..options import jobs, output

_comparison = in_group("Comparison")


@click.command(cls=GroupedCommand, short_help="Compare a network and the models in bundles with each other.")
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@_comparison(
    "--torch/--no-torch",
    default=None,
    help="Require the network in PyTorch or Keras, or leave it out.",
    show_default="included where it can be loaded",
)
@_comparison(
    "--network",
    metavar="NAME",
    help="The network that the bundles were made from, if it is your own: net.py:factory.",
)
@_comparison(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File of weights that the bundles were made from.",
)
@_comparison(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Labelled pictures, a folder for each class, to compare with. They give accuracies too.",
    show_default="the pictures of `edgewise verify`",
)
@_comparison(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    default=400,
    help="Largest number of pictures.",
)
@_comparison(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    default=2,
    help="Threads of each engine. Processes of --jobs have one each.",
)
@jobs(_comparison)
@output
def command(bundles: tuple[Path, ...], *, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> None:
    """Compare the models and float models of BUNDLES, and their original network, on the same pictures.

    For each pair: the largest difference of a logit, absolute and relative, how often the top-1 answers
    agree, SQNR and cosine similarity.
    """
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...pipeline.compare import compare
            from ..views.compare import show_matrix
        found = compare(bundles, progress=screen, **options)
        show_matrix(screen.results, found)
        screen.finish(found.to_json())
