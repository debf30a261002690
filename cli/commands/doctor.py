"""`edgewise doctor`: what can be exported and run on this machine, and what to install otherwise."""

import platform
from dataclasses import asdict
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any

import click

from ...models.errors import MissingDependencyError
from ..options import output

if TYPE_CHECKING:
    from rich.console import Console

    from ...pipeline.libraries import InstalledLibrary, TargetStatus


@click.command(short_help="Show what can be exported and run here.")
@output
def command(*, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Show versions, the machine, what can be done for each target here, and what to install otherwise.

    What a target needs is really imported, each in a process of its own, which takes a while.
    """
    from ...export import targets
    from ...pipeline.document import document
    from ...pipeline.libraries import extras, judge, libraries
    from ...runtime import machine
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.stage("Import the libraries"):
            installed = libraries()
        with screen.stage("Ask the engines"):
            judged = {name: judge(name, installed) for name in targets()}
            weights, found = _weights(installed), extras()
        content = {
            "edgewise": metadata.version("edgewise"),
            "python": platform.python_version(),
            "machine": machine.describe(),
            "libraries": {name: asdict(library) for name, library in installed.items()},
            "extras": found,
            "targets": {name: asdict(target) for name, target in judged.items()},
            "weights": weights,
        }
        _show_machine(screen.results, content)
        _show_targets(screen.results, judged)
        _show_libraries(screen.results, installed, found)
        _show_weights(screen.results, weights)
        _show_mends(screen.results, judged)
        screen.finish(document("doctor", **content), partial(_require, judged))


def _require(judged: "dict[str, TargetStatus]") -> None:
    """Raise a `MissingDependencyError` where no engine is installed."""
    if not any(target.run for target in judged.values()):
        raise MissingDependencyError("Running a model", "tflite", "an inference engine")


def _weights(installed: "dict[str, InstalledLibrary]") -> dict[str, dict[str, bool]]:
    """For each network, whether its ImageNet weights are cached and a checkpoint comes with edgewise."""
    from ...models.weights import BUNDLED
    from ...models.zoo import architectures
    from ...pipeline.libraries import cached_weights

    cached = [] if installed["torchvision"].error else cached_weights()
    return {
        row.name: {"imagenet": row.name in cached, "bundled": any(BUNDLED.glob(f"{row.name}-*"))}
        for row in architectures()
    }


def _show_machine(console: "Console", content: dict[str, Any]) -> None:
    found = content["machine"]
    memory = f", {found['memory_bytes'] / 1e9:.0f} GB of memory" if found["memory_bytes"] else ""
    extensions = "unknown" if found["extensions"] is None else ", ".join(found["extensions"]) or "none"
    saturates = (
        "can saturate: x86 without VNNI adds pairs of products in 16 bits (VPMADDUBSW), so judge INT8 models "
        "where they will run"
        if found["saturates"]
        else "does not saturate: this processor adds products in 32 bits"
    )
    for line in (
        "",
        f"edgewise {content['edgewise']}, Python {content['python']}, {found['system']}",
        f"{found['processor'] or 'processor'}, {found['architecture']}, {found['cores']} cores{memory}",
        f"extensions: {extensions}",
        f"INT8 arithmetic {saturates}",
        "",
    ):
        console.print(line, markup=False)


def _show_targets(console: "Console", judged: "dict[str, TargetStatus]") -> None:
    from ..terminal import table

    shown = table("target", "export", "quantize", "run", left=4)
    for name, target in judged.items():
        shown.add_row(name, *map(_mark, (target.export, target.quantize, target.run)))
    console.print(shown)
    console.print()


def _show_libraries(
    console: "Console", installed: "dict[str, InstalledLibrary]", extras: dict[str, str | None]
) -> None:
    from rich.markup import escape

    from ...pipeline.libraries import EXTRAS, distribution
    from ..terminal import table

    shown = table("library", "version", left=2)
    for name, library in installed.items():
        shown.add_row(distribution(name), library.version or f"[red]{escape(library.error or '')}[/]")
    for name, version in extras.items():
        shown.add_row(name, version or f"[dim]{escape(f'edgewise[{EXTRAS[name]}] brings it')}[/]")
    console.print(shown)
    console.print()


def _show_weights(console: "Console", weights: dict[str, dict[str, bool]]) -> None:
    from ..terminal import table

    here = {name: found for name, found in weights.items() if any(found.values())}
    shown = table("network", "ImageNet weights cached", "checkpoint in edgewise", left=3)
    for name, found in here.items():
        shown.add_row(name, _mark(found["imagenet"]), _mark(found["bundled"]))
    console.print(shown)
    console.print(f"{len(weights) - len(here)} more networks have neither yet", markup=False)
    console.print()


def _show_mends(console: "Console", judged: "dict[str, TargetStatus]") -> None:
    """What to install and what the engines warn of, or that nothing is missing."""
    mends = dict.fromkeys(f"run: {target.install}" for target in judged.values() if target.install)
    caveats = [f"{name}: {target.caveat}" for name, target in judged.items() if target.caveat]
    for line in (*mends, *caveats):
        console.print(f"! {line}", style="bold yellow", markup=False)
    if not mends:
        console.print("nothing is missing", style="green")


def _mark(found: bool) -> str:
    return "[green]yes[/]" if found else "[red]no[/]"
