"""`edgewise device`: make a board ready to be measured on, and see whether it is. Needs no torch."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...models.errors import EdgewiseError
from ..options import output

if TYPE_CHECKING:
    from ...runtime.devices.board import Finding
    from ..terminal import Terminal

_MARKS = {"good": "[green]✓[/]", "doubtful": "[yellow]![/]", "bad": "[red]✗[/]"}


class _Targets(click.ParamType[tuple[str, ...]]):
    """Targets with commas between, each once."""

    name = "TARGET,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        from ...export.facts import TARGETS

        wanted = [part.strip().lower() for part in str(value).split(",")]
        for name in wanted:
            if name not in TARGETS:
                self.fail(f"{name!r} is none of {', '.join(TARGETS)}", param, ctx)
        return tuple(dict.fromkeys(wanted))


@click.group(short_help="Set up a board over SSH, or check it.")
def command() -> None:
    """Prepare a board like a Raspberry Pi for `edgewise bench --device ssh://...`, and see what it lacks."""


@command.command(short_help="Install inference engines on a board.")
@click.argument("device")
@click.option("--target", "targets", type=_Targets(), default="tflite", help="Engines.", show_default=True)
@click.option(
    "--wheels", type=click.Path(path_type=Path), help="Folder of wheels, for a board without network."
)
@output
def setup(
    device: str, targets: tuple[str, ...], wheels: Path | None, *, as_json: bool, quiet: bool, verbose: bool
) -> None:
    """Install the engines that DEVICE, as ssh://pi@raspberrypi, needs for --target.

    They go into a virtual environment of their own in ~/.local/share/edgewise there; no other file of the
    board is touched, and edgewise itself is not installed. Run it again for more targets or newer versions.
    """
    from ...pipeline.document import document
    from ...runtime.devices.setup import setup as install
    from ...runtime.devices.setup import wheels_in
    from ...runtime.devices.ssh_address import parse
    from ...runtime.devices.transport import Board
    from ..terminal import terminal

    address, files = parse(device), wheels_in(wheels) if wheels else []
    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:

        def tell(line: str) -> None:
            if verbose:
                screen.console.print(line, markup=False)

        with screen.stage(f"Set {address.name} up for {', '.join(targets)}"), Board(address) as board:
            versions = install(board, targets, files, tell)
        for target, version in versions.items():
            screen.results.print(f"{target} {version}", markup=False)
        screen.finish(document("device-setup", device=address.name, targets=versions))


@command.command(short_help="See what a board lacks, and the mend.")
@click.argument("device")
@output
def check(device: str, *, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Look at DEVICE, as ssh://pi@raspberrypi: whether it can be measured on, and what would cost trust.

    What is marked ! makes figures doubtful, or is to be done once; with a ✗ nothing works, and the exit code
    is 1.
    """
    from ...pipeline.document import document
    from ...runtime.devices.board import facts
    from ...runtime.devices.board import findings as judge
    from ...runtime.devices.ssh_address import parse
    from ...runtime.devices.transport import Board
    from ..terminal import terminal

    address = parse(device)
    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.stage(f"Look at {address.name}"), Board(address) as board:
            found = facts(board)
        judged = judge(found, address.name)
        _show(screen, found, judged)
        findings = [asdict(finding) for finding in judged]
        screen.finish(
            document("device-check", device=address.name, board=found["board"], findings=findings),
            partial(_require, address.name, judged),
        )


def _require(name: str, findings: "list[Finding]") -> None:
    """Raise an `EdgewiseError` where nothing can be measured."""
    if bad := [finding for finding in findings if finding.state == "bad"]:
        raise EdgewiseError(f"{name}: {bad[0].subject}: {bad[0].found}; {bad[0].mend}")


def _show(screen: "Terminal", found: dict[str, Any], findings: "list[Finding]") -> None:
    """A line for each, and the mend below where there is one."""
    from rich.markup import escape

    from ..terminal import table

    if found["board"]:
        screen.results.print(found["board"], markup=False)
    shown = table("", "", "", left=3)
    shown.show_header = False
    for finding in findings:
        shown.add_row(_MARKS[finding.state], finding.subject, escape(finding.found))
        if finding.mend:
            shown.add_row("", "", f"[bold]{escape(finding.mend)}[/]")
    screen.results.print(shown)
