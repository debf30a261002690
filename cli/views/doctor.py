"""What `edgewise doctor` shows: the machine, what can be done for each target, libraries and weights."""

from rich.console import Console
from rich.markup import escape

from ...pipeline.doctor import Diagnosis, install_of
from ...pipeline.libraries import distribution
from ..terminal import table


def show_diagnosis(console: Console, found: Diagnosis) -> None:
    """All of it, and what to install at the end."""
    _show_machine(console, found)
    _show_targets(console, found)
    _show_libraries(console, found)
    _show_weights(console, found)
    _show_advice(console, found)


def _show_machine(console: Console, found: Diagnosis) -> None:
    machine = found.machine
    memory = f", {machine['memory_bytes'] / 1e9:.0f} GB of memory" if machine["memory_bytes"] else ""
    extensions = machine["extensions"]
    known = "unknown" if extensions is None else ", ".join(extensions) or "none"
    saturates = (
        "can saturate: x86 without VNNI adds pairs of products in 16 bits (VPMADDUBSW), so judge INT8 models "
        "where they will run"
        if machine["saturates"]
        else "does not saturate: this processor adds products in 32 bits"
    )
    for line in (
        "",
        f"edgewise {found.edgewise}, Python {found.python}, {machine['system']}",
        f"{machine['processor'] or 'processor'}, {machine['architecture']}, {machine['cores']} cores{memory}",
        f"extensions: {known}",
        f"INT8 arithmetic {saturates}",
        "",
    ):
        console.print(line, markup=False)


def _show_targets(console: Console, found: Diagnosis) -> None:
    shown = table("target", "export", "quantize", "run", left=4)
    for name, status in found.targets.items():
        shown.add_row(name, *map(_mark, (status.export, status.quantize, status.run)))
    console.print(shown)
    console.print()


def _show_libraries(console: Console, found: Diagnosis) -> None:
    shown = table("library", "version", left=2)
    for name, library in found.libraries.items():
        shown.add_row(distribution(name), library.version or f"[red]{escape(library.error or '')}[/]")
    for name, version in found.extras.items():
        shown.add_row(name, version or f"[dim]optional: {escape(install_of(name))}[/]")
    console.print(shown)
    console.print()


def _show_weights(console: Console, found: Diagnosis) -> None:
    here = {name: weights for name, weights in found.weights.items() if weights.any}
    headings = ("ImageNet weights here", "checkpoint in edgewise") if found.deep else ("checkpoint",)
    shown = table("network", *headings, left=3)
    for name, weights in here.items():
        kinds = (weights.imagenet, weights.bundled) if found.deep else (weights.bundled,)
        shown.add_row(name, *(_mark(bool(kind)) for kind in kinds))
    console.print(shown)
    if found.deep:
        console.print(f"{len(found.weights) - len(here)} more networks have neither yet", markup=False)
    console.print()


def _show_advice(console: Console, found: Diagnosis) -> None:
    """What to install and what to know about the engines, or that nothing is missing."""
    install = [f"run: {found.install}"] if found.install else []
    caveats = [f"{name}: {status.caveat}" for name, status in found.targets.items() if status.caveat]
    for line in (*install, *caveats):
        console.print(f"! {line}", style="bold yellow", markup=False, soft_wrap=True)
    if not install:
        console.print("nothing is missing", style="green")
    if not found.deep:
        line = "edgewise doctor --deep imports the libraries, and looks for ImageNet weights"
        console.print(line, style="dim", markup=False)


def _mark(found: bool) -> str:
    return "[green]yes[/]" if found else "[red]no[/]"
