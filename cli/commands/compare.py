"""`edgewise compare`: the cross-runtime parity matrix of a network and the files made from it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..groups import GroupedCommand, in_group
from ..options import jobs, output

if TYPE_CHECKING:
    from ..terminal import Terminal

_comparison = in_group("Comparison")


@click.command(cls=GroupedCommand, short_help="Compare a network and the models in bundles with each other.")
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@_comparison(
    "--measured",
    is_flag=True,
    help="Compare what sweeps have measured: BUNDLES are then records that `edgewise sweep --scorecard` "
    "wrote, or the caches of sweeps.",
)
@_comparison(
    "--for",
    "measured_on",
    metavar="DEVICE",
    default="local",
    help="Device whose latencies --measured compares, as in `edgewise recommend`.",
)
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
    agree, SQNR and cosine similarity. --measured shows accuracy, latency, size and memory of all files of
    sweeps instead, and which of them no other file beats in everything.
    """
    from ..terminal import terminal

    measured, device = options.pop("measured"), options.pop("measured_on")
    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        if measured:
            _measured(screen, bundles, device)
            return
        with screen.starting():
            from ...pipeline.compare import compare
            from ..views.compare import show_matrix
        found = compare(bundles, progress=screen, **options)
        show_matrix(screen.results, found)
        screen.finish(found.to_json())


def _measured(screen: "Terminal", paths: tuple[Path, ...], device: str) -> None:
    with screen.starting():
        from ...pipeline.recommend.front import measured
        from ..views.recommend import show_measured
    found = measured(paths, device)
    show_measured(screen.results, found.files, found.front)
    screen.finish(found.to_json())
