"""Run the commands that the documentation shows with their output, and write their output again.

    uv run python docs/tools/record.py                  # every page
    uv run python docs/tools/record.py --folder DIR     # in that folder, which is kept

The commands run one after the other in one folder, without a network and with an empty cache, as
tests/test_docs.py runs them; each runs once, and what is marked as not run keeps its output. The export of
the tutorial runs on a pseudo terminal, and with its colours becomes docs/images/export.svg, the picture in
README. Record on a quiet machine, because the output has times.
"""

import argparse
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Sequence
from contextlib import nullcontext
from fcntl import ioctl
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text
from shown import ROOT, Shown, offline, pages, prepare, program, shown

_TUTORIAL = ROOT / "docs" / "tutorial.md"
_PICTURE = ROOT / "docs" / "images" / "export.svg"
_WIDE, _COLUMNS = 1000, 108  # of the pseudo terminal, which must not break lines, and of the picture
_MOVES = re.compile(r"\x1b\[(\??[\d;]*)([A-HJKST-Zfhl])|\r|\n")
_THEME = TerminalTheme(
    (13, 17, 23),
    (230, 237, 243),
    [
        (110, 118, 129),
        (255, 123, 114),
        (63, 185, 80),
        (210, 153, 34),
        (88, 166, 255),
        (188, 140, 255),
        (57, 197, 207),
        (177, 186, 196),
    ],
)
# Rich's own format without the fonts that it would load from a server.
_SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 16px; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def record(folder: Path) -> None:
    """Run the commands of every page and write their output into it, those of the tutorial first."""
    screens: dict[str, list[str]] = {}
    prepare(folder)
    for page in sorted(pages(), key=lambda page: page != _TUTORIAL):
        lines = page.read_text("utf-8").splitlines()
        blocks = [one for one in shown(page) if one.language == "console" and one.reason is None]
        for one in blocks:
            if one.text not in screens:
                screens[one.text] = _checked(one, folder)
        for one in reversed(blocks):
            start = one.line + one.lines - 1
            plain = [Text.from_ansi(line).plain.rstrip() for line in screens[one.text]]
            lines[start : start + len(one.output)] = plain
        page.write_text("\n".join(lines) + "\n", "utf-8")
    export = next(one for one in shown(_TUTORIAL) if one.language == "console")
    _draw(export, screens[export.text])


def _checked(one: Shown, folder: Path) -> list[str]:
    """The lines of a command that ends as the page says."""
    print(f"{one}: {one.text}", file=sys.stderr)
    code, screen = _run(program(one.argv()), folder, coloured=one.argv()[1] == "export")
    if code != one.exit_code:
        raise SystemExit("\n".join([f"{one}: exit code {code}, the page says {one.exit_code}", *screen]))
    return screen


def _run(command: Sequence[str], folder: Path, *, coloured: bool) -> tuple[int, list[str]]:
    """The exit code of `command`, and the lines that it prints, or leaves on a terminal if `coloured`."""
    environment = offline(folder) | {"COLUMNS": str(_WIDE)}
    if not coloured:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.returncode, done.stdout.decode().rstrip().splitlines()
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, _WIDE, 0, 0))
    environment.pop("NO_COLOR", None)
    environment["TERM"] = "xterm-256color"
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        printed = bytearray()
        while chunk := _read(ours):
            printed += chunk
    os.close(ours)
    return running.returncode, _screen(printed.decode())


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so where all programs closed the terminal
        return b""


def _screen(printed: str) -> list[str]:
    """What a terminal shows after all that was printed, with its colours; for what rich prints."""
    rows, row, place = [""], 0, 0
    for move in _MOVES.finditer(printed):
        rows[row] += printed[place : move.start()]
        place = move.end()
        if move[0] == "\n":
            row += 1
            rows += [""] * (row + 1 - len(rows))
        elif move[2] == "A":
            row -= int(move[1] or 1)
        elif move[2] == "K":
            rows[row] = ""
    rows[row] += printed[place:]
    while rows and not rows[-1].strip():
        rows.pop()
    return rows


def _draw(one: Shown, screen: Sequence[str]) -> None:
    """The command and what it left on the screen, as a terminal of ordinary width shows it."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(
            file=nowhere, record=True, width=_COLUMNS, force_terminal=True, color_system="truecolor"
        )
        console.print(Text.assemble(("$ ", "bold green"), (one.text, "bold")))
        for line in screen:
            console.print(Text.from_ansi(line))
        _PICTURE.parent.mkdir(exist_ok=True)
        console.save_svg(
            str(_PICTURE), title="edgewise", theme=_THEME, code_format=_SVG, unique_id="edgewise"
        )


def main() -> None:
    """The command of this file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path)
    named = parser.parse_args().folder
    with nullcontext(named) if named else tempfile.TemporaryDirectory() as folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        record(Path(folder).resolve())


if __name__ == "__main__":
    main()
