"""`edgewise recommend`: which network to take, and why."""

from pathlib import Path
from typing import Any

import click

from ..groups import GroupedCommand, in_group
from ..options import output

_wishes = in_group("Wishes")
_records = in_group("Records")
_SCENARIOS = ("mobile", "edge", "server", "realtime", "transfer")  # of `pipeline/recommend/choice.py`
_LIMIT = click.FloatRange(min=0)


@click.command(cls=GroupedCommand, short_help="Say which network to take for a device and some limits.")
@_wishes("--max-latency-ms", type=_LIMIT, metavar="MS", help="Largest time of one picture on the device.")
@_wishes("--max-size-mb", type=_LIMIT, metavar="MB", help="Largest size of the model file.")
@_wishes("--max-memory-mb", type=_LIMIT, metavar="MB", help="Largest memory of a process that runs it.")
@_wishes("--min-top1", type=click.FloatRange(0, 100), metavar="PERCENT", help="Smallest top-1 accuracy.")
@_wishes(
    "--for",
    "device",
    metavar="DEVICE",
    default="local",
    help="Device that the latency is wanted on: local, pi4, pi5, android, an address that `edgewise sweep "
    "--on` takes, or a part of the name of a processor.",
)
@_wishes(
    "--scenario",
    type=click.Choice(_SCENARIOS),
    default="edge",
    help="What counts most, and which targets come into question.",
)
@_records(
    "--records",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="Record that `edgewise sweep --scorecard` wrote; can be repeated.",
    show_default="those in the cache",
)
@_records(
    "--cache",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Cache of sweeps whose records are read.",
    show_default="that of `edgewise sweep`",
)
@_records("--count", type=click.IntRange(min=1), metavar="N", default=10, help="Show this many files.")
@output
def command(*, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> None:
    """Rank networks for a device by what sweeps have measured, and by published figures otherwise.

    Each figure says where it comes from. Where nothing keeps all wishes, the message says which one to
    relax, and by how much.

    \b
    edgewise recommend --max-latency-ms 20 --max-size-mb 5 --min-top1 70 --for pi5 --scenario mobile
    """
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...pipeline.recommend.choice import Wishes, recommend
            from ...pipeline.sweep.cache import Cache, default_cache
            from ...pipeline.sweep.record import measured_rows
            from ..views.recommend import show_recommendation
        records, count = options.pop("records"), options.pop("count")
        cache = Cache(options.pop("cache") or default_cache())
        found = recommend(measured_rows(records, cache), Wishes(**options))
        show_recommendation(screen.results, found, count)
        screen.finish(found.to_json())
