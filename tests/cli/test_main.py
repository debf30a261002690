"""The door: what it prints, what it refuses, and that it opens at once."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

_HEAVY = (
    "torch",
    "torchvision",
    "numpy",
    "PIL",
    "ai_edge_litert",
    "litert_torch",
    "onnx",
    "onnxruntime",
    "openvino",
)
_THEN_LOOK = f"""
import sys
from edgewise.cli.main import main
main()
found = sorted(set({_HEAVY!r}) & set(sys.modules))
assert not found, found
"""


def test_help_names_every_command_and_the_exit_codes(edgewise: Run) -> None:
    ended = edgewise("--help")
    assert (ended.code, ended.stderr) == (0, "")
    for word in ("export", "models", "predict", "verify", "3 accuracy gate", "7 passed its gate in another"):
        assert word in " ".join(ended.stdout.split())
    assert "main " not in ended.stdout


def test_the_version_is_the_package_s(edgewise: Run) -> None:
    assert edgewise("--version").stdout == f"edgewise, version {version('edgewise')}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["models"],
        ["models", "--json"],
        ["export", "--help"],
        ["predict", "--help"],
        ["verify", "--help"],
    ],
    ids=" ".join,
)
def test_what_only_tells_loads_nothing_heavy(environment: dict[str, str], arguments: list[str]) -> None:
    command = [sys.executable, "-c", _THEN_LOOK, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["frobnicate"], "No such command 'frobnicate'; choose from android, bench, "),
        (["expot"], "No such command 'expot'; did you mean 'export'?"),
        (["main"], "No such command 'main'"),
        (["__init__"], "No such command '__init__'"),
        (["export", "mobilenetv2", "--precison", "fp16"], "(Did you mean one of: '--json', '--precision'"),
        (["export"], "Missing argument 'NAME'"),
        (["export", "mobilenetv2", "--mean", "1,2"], "neither one number nor three"),
        (["export", "mobilenetv2", "--max-drop", "101"], "101"),
        (["predict", "somewhere"], "Missing argument 'IMAGES...'"),
    ],
)
def test_what_cannot_be_parsed_is_a_usage_error(edgewise: Run, arguments: list[str], word: str) -> None:
    ended = edgewise(*arguments)
    assert (ended.code, ended.stdout) == (2, "")
    assert word in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_the_console_script_is_the_same_program(environment: dict[str, str]) -> None:
    script = Path(sys.executable).with_name("edgewise")
    done = subprocess.run(
        [script, "export", "nosuch"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("edgewise: ")
    assert "nosuch" in done.stderr
