"""The commands and programs that README and the documentation show, with the output below each command.

A fenced block in `console` holds commands after `$ ` and what they print; one in `sh` holds commands alone;
one in `python` holds a program. A comment on the line above a block says that it is not run, and why, or that
its commands end with another exit code than 0:

    <!-- not run: needs a board -->
    <!-- exit code: 3 -->

What is not run is still parsed or compiled. `REASONS` lists the reasons that count.
"""

import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from shutil import copyfile

ROOT = Path(__file__).parents[2]
REASONS = frozenset(
    {
        "needs a board",
        "needs a cluster",
        "needs a phone",
        "needs your files",
        "another export",
        "takes minutes",
        "another test runs it",
        "installs packages",
    }
)
_BLOCK = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<mark>not run|exit code): (?P<value>[^\n]*?) -->\n+ *)?"
    r"```(?P<language>console|sh|python)\n(?P<body>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)
_MISTYPED = '[[steps]]\nrun = "export"\nname = "mobilenetv2"\ncalib-cuont = 16\n'
_NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Shown:
    """A command with its output, or a program, of a page.

    `line` is the first of its `lines` in the page; `reason` says why it is not run.
    """

    page: str
    line: int
    lines: int
    language: str
    text: str
    output: tuple[str, ...] = ()
    reason: str | None = None
    exit_code: int = 0

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def argv(self) -> list[str]:
        """The words of the command, without what starts it in a checkout."""
        words = shlex.split(self.text.removeprefix("pip install uv && "), comments=True)
        return words[2:] if words[:2] == ["uv", "run"] else words


def pages() -> list[Path]:
    """README and every page of the documentation that a person wrote."""
    written = [path for path in (ROOT / "docs").rglob("*.md") if "reference" not in path.parts]
    return [ROOT / "README.md", *sorted(written)]


def shown(page: Path) -> list[Shown]:
    """Everything that `page` shows, in its order."""
    return list(_found(page.relative_to(ROOT).as_posix(), page.read_text("utf-8")))


def program(argv: list[str]) -> list[str]:
    """The command with the program of this interpreter in place of `edgewise` or `python`."""
    if argv[0] == "edgewise":
        return [sys.executable, "-c", "from edgewise.cli.main import main; main()", *argv[1:]]
    if argv[0] == "python":
        return [sys.executable, *argv[1:]]
    return argv


def prepare(folder: Path) -> None:
    """Put into `folder` what the pages take for granted: an Android project, a photograph, pipeline files.

    The photograph, of the Summer Palace in Beijing, comes with scikit-learn.
    """
    (folder / "myapp" / "app" / "src" / "main" / "assets").mkdir(parents=True, exist_ok=True)
    photo = "sklearn/datasets/images/china.jpg"
    copyfile(str(metadata.distribution("scikit-learn").locate_file(photo)), folder / "photo.jpg")
    copyfile(ROOT / "docs" / "examples" / "pipeline.toml", folder / "pipeline.toml")
    (folder / "mistyped.toml").write_text(_MISTYPED, "utf-8")


def offline(folder: Path) -> dict[str, str]:
    """The environment in which the shown output was made: no network, and nothing kept from earlier."""
    return os.environ | {
        "http_proxy": _NOWHERE,
        "https_proxy": _NOWHERE,
        "TORCH_HOME": str(folder / "cache"),
        "EDGEWISE_RESULTS": str(folder / "results.jsonl"),
        "COLUMNS": "100",
    }


def _found(page: str, text: str) -> Iterator[Shown]:
    for block in _BLOCK.finditer(text):
        first = text.count("\n", 0, block.start("body")) + 1
        lines = [line.removeprefix(block["indent"]) for line in block["body"].splitlines()]
        reason = block["value"] if block["mark"] == "not run" else None
        code = int(block["value"]) if block["mark"] == "exit code" else 0
        whole = Shown(page, first, len(lines), block["language"], "\n".join(lines), (), reason, code)
        yield from [whole] if whole.language == "python" else _commands(whole, lines)


def _commands(block: Shown, lines: list[str]) -> Iterator[Shown]:
    """Each command of a block."""
    place = 0
    while place < len(lines):
        start, command = place, lines[place].removeprefix("$ ")
        while command.endswith("\\"):
            place += 1
            command = f"{command[:-1].rstrip()} {lines[place].strip()}"
        place += 1
        after = place
        while block.language == "console" and place < len(lines) and not lines[place].startswith("$ "):
            place += 1
        if command and not command.startswith("#"):
            at, output = block.line + start, tuple(lines[after:place])
            yield replace(block, line=at, lines=after - start, text=command, output=output)
