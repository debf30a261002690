"""`edgewise bench`: latency on a device, and whether it can be trusted. Needs no torch."""

import re
from pathlib import Path
from typing import Any

import click

from ..groups import GroupedCommand, in_group
from ..options import output

_measurement = in_group("Measurement")
_records = in_group("Records")

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


class _Numbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers separated by commas, each once; a range is 0-3."""

    name = "N,..."
    separator = ","

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        found: list[int] = []
        for text in str(value).split(","):
            if not (match := _RANGE.fullmatch(text.strip())) or int(match[2] or match[1]) > 4095:
                self.fail(f"{value!r} is not a list like 1,4 or 0-3", param, ctx)
            found += range(int(match[1]), int(match[2] or match[1]) + 1)
        if not found:
            self.fail(f"{value!r} contains a range that ends before it begins", param, ctx)
        return tuple(dict.fromkeys(found))


def _require_enough(values: dict[str, Any]) -> None:
    from ...runtime.bench.request import require_enough

    for name in ("runs", "seconds", "launches", "sustained"):
        require_enough(name, values[name])
    for count in values["threads"]:
        require_enough("threads", count)


@click.command(
    cls=GroupedCommand,
    check=_require_enough,
    short_help="Measure latency on this machine, a board, a phone or in a browser.",
)
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@_measurement(
    "--device",
    "devices",
    multiple=True,
    metavar="NAME",
    help="Measure on local, ssh://user@host[:port], adb[:serial] or browser. Can be given several times.",
    show_default="local",
)
@_measurement("--threads", type=_Numbers(), default="1", help="Numbers of threads; each is a run of its own.")
@_measurement("--runs", type=int, metavar="N", default=50, help="Take at least this many samples per model.")
@_measurement("--seconds", type=float, default=10.0, help="Sample each model for at least this time.")
@_measurement(
    "--launches",
    type=int,
    metavar="N",
    default=5,
    help="Spread the samples over this many new processes; intervals need at least five.",
)
@_measurement(
    "--sustained",
    type=float,
    metavar="SECONDS",
    default=0.0,
    show_default="no",
    help="Then run each model alone for this long: heat shows after minutes.",
)
@_measurement(
    "--cpus",
    type=_Numbers(),
    help="Stay on these processors, such as 0-3 or 4,5.",
    show_default="all, or the fastest ones if they differ",
)
@_measurement(
    "--accelerator",
    type=click.Choice(["cpu", "xnnpack", "gpu"]),
    default="cpu",
    help="Fail unless this runs the whole of every model; with cpu, the engine chooses.",
)
@_measurement(
    "--float/--no-float", "twins", default=True, help="Measure the float models in the bundles too."
)
@_records(
    "--results",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File that records are added to.",
    show_default="$EDGEWISE_RESULTS, or a file in your data folder",
)
@_records("--save/--no-save", default=True, help="Add the records to that file.")
@output
def command(
    bundles: tuple[Path, ...],
    devices: tuple[str, ...],
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Measure the latency of BUNDLES in alternation, each beside its float model, with 95 % intervals.

    Then each model runs alone: once for as long as a launch, or for --sustained seconds.

    \b
    edgewise bench dist/mobilenetv2-tflite-w8a8
    edgewise bench dist/a dist/b --device ssh://pi@raspberrypi --threads 1,4
    edgewise bench dist/mobilenetv2-tflite-w8a8 --sustained 120

    Every record says whether it can be trusted, and if not, why. `edgewise results` lists records later.
    Several devices measure at the same time. One that fails does not stop the others and gives the exit code.
    """
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...pipeline.bench import bench
            from ..views.bench import show_run
        found = bench(bundles, devices=devices or ("local",), progress=screen, **options)
        for records, pairs in found.runs:
            show_run(screen.results, records, pairs)
        screen.finish(found.to_json(), found.require)
