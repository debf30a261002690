"""The README is true: its commands run, one after the other, and print what it shows but for the numbers."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_NUMBER = re.compile(r"[0-9a-f]{12}|-?\d+(\.\d+)?(e-?\d+)?")


def test_its_commands_print_what_it_shows(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    sessions = [_commands(block) for block in _BLOCK.findall(text)]
    assert sum(map(len, sessions)) >= 4
    for command, shown in (pair for session in sessions for pair in session):
        done = subprocess.run(
            _argv(command), cwd=tmp_path, env=_offline(tmp_path), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        said = f"{done.stderr}{done.stdout}"
        for line in filter(None, map(str.strip, shown)):
            assert _masked(line) in map(_masked, said.splitlines()), f"{command}\n{line}\n---\n{said}"


def test_it_names_every_command_and_folder() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    commands = [path.stem for path in (ROOT / "cli").glob("[a-z]*.py") if path.stem != "main"]
    for command in commands:
        assert f"edgewise {command}" in text
    for folder in ("models", "export", "quantize", "runtime", "cli", "tests"):
        assert f"`{folder}/`" in text


def _commands(block: str) -> list[tuple[str, list[str]]]:
    """Each `$ command` of a block with the lines that follow it."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        elif found:
            found[-1][1].append(line)
    return found


def _argv(command: str) -> list[str]:
    """The command with the program under test in place of `edgewise`."""
    words = shlex.split(command.replace("uv run ", ""))
    assert words[0] == "edgewise", command
    return [sys.executable, "-c", "from edgewise.cli.main import main; main()", *words[1:]]


def _offline(folder: Path) -> dict[str, str]:
    """Without a network and with an empty cache, as the README's output was made; lines as wide as there."""
    nowhere = "http://127.0.0.1:9"
    cache = str(folder / "cache")
    return os.environ | {"http_proxy": nowhere, "https_proxy": nowhere, "TORCH_HOME": cache, "COLUMNS": "100"}


def _masked(line: str) -> str:
    return re.sub(r"\s+", " ", _NUMBER.sub("#", line)).strip()
