"""`edgewise device`: make a board ready to be measured on, and see whether it is. Needs no torch."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...models.errors import EdgewiseError
from ..choices import Listed, targets
from ..options import output

if TYPE_CHECKING:
    from ...runtime.devices.board import Finding
    from ..terminal import Terminal

_MARKS = {"good": "[green]✓[/]", "doubtful": "[yellow]![/]", "bad": "[red]✗[/]"}


_python = click.option(
    "--python",
    metavar="NAME",
    help="Use this Python of the board, such as python3.11 or a path.",
    show_default="that of an earlier setup, or python3",
)


@click.group(short_help="Set up a board over SSH, or check it.")
def command() -> None:
    """Prepare a board like a Raspberry Pi for `edgewise bench --device ssh://...`, or check one."""


@command.command(short_help="Install inference engines on a board.")
@click.argument("device")
@click.option(
    "--target",
    "--to",
    "to",
    type=Listed("TARGETS", targets),
    default="tflite",
    help="Install the engines of these targets, separated by commas.",
)
@click.option(
    "--wheels",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Install from this folder of wheels, for a board without network.",
)
@_python
@output
def setup(
    device: str,
    to: str,
    wheels: Path | None,
    python: str | None,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Install the engines that DEVICE, such as ssh://pi@raspberrypi, needs for the targets.

    They go into their own virtual environment in ~/.local/share/edgewise there. No other file of the board is
    touched, and edgewise itself is not installed. Run it again for more targets or newer versions.
    """
    from ...export import chosen
    from ...pipeline.document import document
    from ...runtime.devices.setup import setup as install
    from ...runtime.devices.setup import wheels_in
    from ...runtime.devices.ssh_address import parse
    from ...runtime.devices.transport import Board
    from ..terminal import terminal

    address, wanted, files = parse(device), chosen(to), wheels_in(wheels) if wheels else []
    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:

        def tell(line: str) -> None:
            if verbose:
                screen.console.print(line, markup=False)

        with screen.stage(f"Set {address.name} up for {', '.join(wanted)}"), Board(address) as board:
            versions = install(board, wanted, files, tell, python)
        for target, version in versions.items():
            screen.results.print(f"{target} {version}", markup=False)
        screen.finish(document("device-setup", device=address.name, targets=versions))


@command.command(short_help="Check what a board lacks, and how to fix it.")
@click.argument("device")
@_python
@output
def check(device: str, python: str | None, *, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Check whether latency can be measured on DEVICE, such as ssh://pi@raspberrypi, and trusted.

    Lines marked with ! make measurements less trustworthy, or ask for a step that is still to do. A line
    marked with ✗ prevents measuring, and the exit code is then 1.
    """
    from ...pipeline.document import document
    from ...runtime.devices.board import facts
    from ...runtime.devices.board import findings as judge
    from ...runtime.devices.ssh_address import parse
    from ...runtime.devices.transport import Board
    from ..terminal import terminal

    address = parse(device)
    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.stage(f"Check {address.name}"), Board(address) as board:
            found = facts(board, python or "python3")
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
        raise EdgewiseError(f"{name}: {bad[0].subject}: {bad[0].found}; {bad[0].fix}")


def _show(screen: "Terminal", found: dict[str, Any], findings: "list[Finding]") -> None:
    """A line for each, and how to fix it below."""
    from rich.markup import escape

    from ..terminal import table

    if found["board"]:
        screen.results.print(found["board"], markup=False)
    shown = table("", "", "", left=3)
    shown.show_header = False
    for finding in findings:
        shown.add_row(_MARKS[finding.state], finding.subject, escape(finding.found))
        if finding.fix:
            shown.add_row("", "", f"[bold]{escape(finding.fix)}[/]")
    screen.results.print(shown)
