"""`edgewise bench`: latency on a device, and whether it deserves belief. Needs no torch."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..pipeline.bench import DeviceRun
    from ..runtime.bench.request import Contender
    from ..runtime.bench.store import Store
    from ..runtime.bundle import Bundle
    from ._terminal import Terminal

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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else.")
@click.option("-v", "--verbose", is_flag=True, help="Show what the libraries say.")
def command(
    bundles: tuple[Path, ...],
    devices: tuple[str, ...],
    threads: tuple[int, ...],
    runs: int,
    seconds: float,
    cpus: tuple[int, ...] | None,
    results: Path | None,
    *,
    twins: bool,
    save: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Measure BUNDLES in turn, and each beside its float twin; ratios have 95 % intervals.

    \b
    edgewise bench dist/mobilenetv2-tflite-w8a8
    edgewise bench dist/a dist/b --device ssh://pi@raspberrypi --threads 1,4

    Every record says whether it is trusted, and if not, why. `edgewise results` lists them later. Several
    devices measure at the same time, and one that fails does not stop the others: the exit code is its own.
    """
    from ..pipeline.bench import measure
    from ..runtime.bench.request import BenchRequest
    from ..runtime.bench.store import Store, default_path
    from ..runtime.bundle import Bundle
    from ..runtime.devices import device
    from ._terminal import terminal

    with terminal(verbose=verbose, quiet=as_json) as screen:
        contenders = _contenders([Bundle.open(folder) for folder in bundles], twins=twins)
        places = [device(name) for name in dict.fromkeys(devices or ("local",))]
        requests = [BenchRequest(contenders, count, runs, seconds, cpus=cpus) for count in threads]
        store = Store(results or default_path()) if save else None
        if store is not None:
            store.select(limit=1)  # a damaged file is better known before than after
        title = f"Measure on {', '.join(place.name for place in places)}"
        with screen.stage(title) as progress:
            outcomes = measure(places, requests, store, progress)
        document = _told(outcomes, store, screen)
    if as_json:
        click.echo(json.dumps(document, indent=2))
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error


def _contenders(bundles: "list[Bundle]", *, twins: bool) -> "tuple[Contender, ...]":
    """The different model files, each twin before its bundle; one that several bundles hold counts once."""
    from ..export.artifact import model_files
    from ..runtime.bench.request import Contender

    found: dict[tuple[str, ...], Contender] = {}
    for bundle in bundles:
        files, folder = bundle.manifest["files"], str(bundle.folder)
        pair = (bundle.reference, Contender(folder, "reference")), (bundle.model, Contender(folder))
        for path, contender in pair if twins else pair[1:]:
            if path is not None:
                digests = (files[file.name]["sha256"] for file in model_files(path))
                found.setdefault((bundle.target, *digests), contender)
    return tuple(found.values())


def _told(outcomes: "list[DeviceRun]", store: "Store | None", screen: "Terminal") -> dict[str, Any]:
    """Show everything; the JSON document of it."""
    from ..runtime.bench.compare import comparisons
    from ._bench_report import show_run

    runs = [run for outcome in outcomes for run in outcome.runs if run]
    compared = [comparisons(run) for run in runs]
    for run, pairs in zip(runs, compared, strict=True):
        show_run(screen.console, run, pairs)
    for line in [line for outcome in outcomes for line in outcome.slower]:
        screen.notice(line)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    for outcome in failed[1:]:  # the first is what the program ends with
        screen.notice(str(outcome.error))
    return {
        "records": [record.to_json() for run in runs for record in run],
        "comparisons": [asdict(pair) for pairs in compared for pair in pairs],
        "errors": [
            {"device": outcome.device, "error": str(outcome.error), "exit_code": outcome.error.exit_code}
            for outcome in failed
            if outcome.error is not None
        ],
        "notices": screen.notices,
        "results": str(store.path) if store else None,
    }
