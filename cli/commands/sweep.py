"""`edgewise sweep`: many networks, targets and precisions, overnight and again."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...models.errors import UsageError
from ..choices import Listed, NameOrFile, networks, precisions, processors, targets
from ..groups import GroupedCommand, in_group
from ..options import EFFORTS, SizeType, limits, on_ray, output, pictures

if TYPE_CHECKING:
    from ...pipeline.sweep.plan import SweptNetwork
    from ..terminal import Terminal

_what = in_group("What is made")
_timing = in_group("Timing")
_cache = in_group("Cache")
_cluster = in_group("Several machines")
_outcome = in_group("Outcome")
_OF_TIMING = ("devices", "threads", "seconds", "launches")


@click.command(cls=GroupedCommand, short_help="Make, prove and time many networks; compare with last week.")
@click.argument("names", nargs=-1, type=NameOrFile("NAME", networks))
@_what("--config", type=click.Path(path_type=Path), metavar="FILE", help="Networks and settings, in TOML.")
@_what(
    "--to",
    type=Listed("TARGETS", targets),
    help="Make files for tflite, onnx and openvino, several of them separated by commas, or all.",
    show_default="all",
)
@_what("--float", "as_float", is_flag=True, help="Make float files.", show_default="float and INT8")
@_what("--int8", is_flag=True, help="Make INT8 files, w8a8.", show_default="float and INT8")
@_what(
    "--precision",
    type=Listed("PRECISIONS", precisions),
    help="Make files in these precisions, separated by commas: fp32, fp16, w8a32 and w8a8.",
    show_default="fp32,w8a8",
)
@_what(
    "--for",
    "processors",
    type=Listed("PROCESSORS", processors),
    help="Make INT8 files for these processors.",
    show_default="any",
)
@_what(
    "--weights",
    metavar="SOURCE",
    help="Load imagenet, bundled or random weights, for all networks; NAME=FILE names the file for one.",
    show_default="auto",
)
@_what("--imgsz", type=SizeType(), metavar="PIXELS", help="Size of the networks' inputs.")
@_what("--effort", type=click.Choice(EFFORTS), help="How much time INT8 files may take to make.")
@_what("--recover/--no-recover", default=None, help="Try other forms where INT8 loses too much.")
@_what("--force", is_flag=True, help="Keep files that fail the accuracy gate too.")
@pictures
@limits
@_timing("--timing/--no-timing", default=True, help="Measure latencies once everything is made.")
@_timing(
    "--on",
    "devices",
    multiple=True,
    metavar="DEVICE",
    help="Device to measure on: local, ssh://user@host, adb or browser; can be repeated.",
    show_default="local",
)
@_timing("--threads", type=click.IntRange(min=1), metavar="N", default=1, help="Threads of the engines.")
@_timing(
    "--seconds", type=click.FloatRange(min=0), metavar="S", default=4.0, help="Time of sampling of each file."
)
@_timing(
    "--launches",
    type=click.IntRange(min=1),
    metavar="N",
    default=5,
    help="Processes that the samples come from; an interval needs five.",
)
@_cache(
    "--cache",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of what was made, by what it depends on.",
    show_default="$EDGEWISE_SWEEP_CACHE, or a folder for caches of yours",
)
@_cache(
    "--cache-size",
    "cache_gb",
    type=click.FloatRange(min=0),
    metavar="GB",
    default=20.0,
    help="Remove what was not used for longest where the cache is larger; never what this sweep uses.",
)
@_cache("--cache-list", is_flag=True, help="List what is in the cache, and do nothing else.")
@_cache("--cache-clear", is_flag=True, help="Empty the cache, and do nothing else.")
@_cache("--retry", is_flag=True, help="Try again what failed before and would fail in the same way.")
@_cache(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=1),
    metavar="S",
    default=4 * 3600.0,
    help="End the process of a network that takes longer.",
)
@on_ray(_cluster)
@_outcome(
    "--scorecard",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the record of the sweep as JSON, or a table in Markdown where the name ends in .md.",
)
@_outcome(
    "--against",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Compare with the JSON of an older --scorecard, and end with exit code 8 where a file is worse: in "
    "top-1 by more than --max-drop, in SQNR by 1 dB, in size by 5 %, in time by 10 %.",
)
@output
def command(names: tuple[str, ...], *, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> None:
    """Convert, prove and time all networks NAMES, for all targets, in float and INT8.

    NAMES are networks of `edgewise models`, globs over them ('mobilenet*', all), networks or globs of a
    library ('timm:lcnet_*'), your own (net.py:factory), and model files ('runs/*/model.safetensors').
    NAME=FILE is a network with the file of its weights.

    What was made before from the same weights, settings, pictures and versions is not made again, also
    after a kill. Each network is made in a process of its own: one that fails is a row with its reason.
    Latencies are measured in the end, one file at a time.

    \b
    edgewise sweep 'mobilenetv3*' resnet18 --weights random
    edgewise sweep mobilenetv2=mobilenet_v2.pth --to tflite,onnx --calib photos --data val
    edgewise sweep --config sweep.toml --cache /data/sweep
    edgewise sweep all --weights random --force --scorecard today.json --against last-week.json
    """
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...pipeline.sweep.cache import Cache, default_cache
        cache = Cache(options.pop("cache") or default_cache())
        listing, clearing = options.pop("cache_list"), options.pop("cache_clear")
        if listing or clearing:
            if names or options["config"] or (listing and clearing):
                raise UsageError("--cache-list and --cache-clear stand alone; leave out the networks")
            _cached(screen, cache, clearing=clearing)
            return
        _sweep(screen, names, cache.folder, options)


def _cached(screen: "Terminal", cache: Any, *, clearing: bool) -> None:
    from dataclasses import asdict

    from ...pipeline.document import document
    from ..views.sweep import show_cache

    entries = cache.clear() if clearing else cache.listing()
    show_cache(screen.results, cache.folder, entries, cleared=clearing)
    screen.finish(
        document(
            "sweep-cache",
            cache=str(cache.folder),
            cleared=clearing,
            entries=[asdict(entry) for entry in entries],
        )
    )


def _sweep(screen: "Terminal", names: tuple[str, ...], cache: Path, options: dict[str, Any]) -> None:
    from ...models.files import write_file
    from ...pipeline.cluster.connection import ClusterPlan
    from ...pipeline.sweep.markdown import markdown
    from ...pipeline.sweep.record import read_record
    from ...pipeline.sweep.run import SweepRequest, run
    from ...pipeline.sweep.scorecard import ScoreLimits, score
    from ...pipeline.sweep.timing import TimingPlan
    from ..views.sweep import show_scorecard, show_sweep

    timing = {name: options.pop(name) for name in _OF_TIMING}
    timing["devices"] = timing["devices"] or ("local",)
    own = {name: options.pop(name) for name in ("cache_gb", "retry", "timeout_s")}
    address, *task = (options.pop(name) for name in ("ray", "ray_cpus", "ray_memory"))
    own["ray"] = None if address is None else ClusterPlan(address, *task)
    plan = TimingPlan(**timing) if options.pop("timing") else None
    path, against = options.pop("scorecard"), options.pop("against")
    old = read_record(against) if against else None  # a file that cannot be read is better known now
    limits = ScoreLimits(drop=options["max_drop"])
    found = run(SweepRequest(_networks(names, options), cache, timing=plan, **own), screen)
    show_sweep(screen.results, found)
    card = score(found, old, against, limits) if old else None
    content = found.to_json() | ({"against": card.to_json()} if card else {})
    if path is not None:
        page = markdown(found, shlex.join(["edgewise", *sys.argv[1:]]))
        text = page if path.suffix == ".md" else f"{json.dumps(content, indent=1)}\n"
        write_file(path, text.encode("utf-8", "replace"))
    if card is not None:
        show_scorecard(screen.results, card)
    screen.finish(content, card.require if card else found.require)


def _networks(names: tuple[str, ...], options: dict[str, Any]) -> "list[SweptNetwork]":
    """The networks of the command line and of the file, with the settings that were given."""
    from ...pipeline.sweep.plan import swept
    from ..sweep_file import read_networks

    config = options.pop("config")
    settings = _given(options)
    found = read_networks(config, settings) if config else []
    return found + swept(names, settings)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that the user has given: others are left to the file and to the job."""
    as_float, int8, precision = (options.pop(name) for name in ("as_float", "int8", "precision"))
    if precision and (as_float or int8):
        raise UsageError("--precision names all precisions; leave out --float and --int8")
    context = click.get_current_context()
    default = click.core.ParameterSource.DEFAULT
    given = {name: value for name, value in options.items() if context.get_parameter_source(name) != default}
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    if precision:
        plain["precision"] = precision
    elif as_float or int8:
        plain["precision"] = ",".join(["fp32"] * as_float + ["w8a8"] * int8)
    return plain
