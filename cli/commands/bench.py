"""`edgewise bench`: latency on a device, and whether it deserves belief. Needs no torch."""

import re
from pathlib import Path
from typing import Any

import click

from ..options import output

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


class _Numbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers with commas between, each once; a range is 0-3."""

    name = "N,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        found: list[int] = []
        for text in str(value).split(","):
            if not (match := _RANGE.fullmatch(text.strip())) or int(match[2] or match[1]) > 4095:
                self.fail(f"{value!r} is no list like 1,4 or 0-3", param, ctx)
            found += range(int(match[1]), int(match[2] or match[1]) + 1)
        if not found:
            self.fail(f"{value!r} holds a range that ends before it begins", param, ctx)
        return tuple(dict.fromkeys(found))


@click.command(short_help="Measure latency on this machine, a board, a phone or in a browser.")
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="NAME",
    help="local, ssh://user@host[:port], adb[:serial] or browser; may be given again.  [default: local]",
)
@click.option("--threads", type=_Numbers(), default="1", help="Threads, a run each.", show_default=True)
@click.option("--runs", type=int, default=50, help="Samples of each model at least,", show_default=True)
@click.option("--seconds", type=float, default=10.0, help="and seconds of them.", show_default=True)
@click.option("--cpus", type=_Numbers(), help="Processors to stay on, as 0-3 or 4,5.  [default: all]")
@click.option(
    "--float/--no-float",
    "twins",
    default=True,
    help="Measure the float twins in the bundles too.",
    show_default=True,
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    help="The file that records are added to.  [default: $EDGEWISE_RESULTS, or one in your folder for data]",
)
@click.option("--save/--no-save", default=True, help="Add the records to it.", show_default=True)
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
    """Measure BUNDLES in turn, and each beside its float twin; ratios have 95 % intervals.

    \b
    edgewise bench dist/mobilenetv2-tflite-w8a8
    edgewise bench dist/a dist/b --device ssh://pi@raspberrypi --threads 1,4

    Every record says whether it is trusted, and if not, why. `edgewise results` lists them later. Several
    devices measure at the same time, and one that fails does not stop the others: the exit code is its own.
    """
    from ...pipeline.bench import bench
    from ..terminal import terminal
    from ..views.bench import show_run

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        found = bench(bundles, devices=devices or ("local",), progress=screen, **options)
        for records, pairs in found.runs:
            show_run(screen.results, records, pairs)
        screen.finish(found.to_json(), found.require)
