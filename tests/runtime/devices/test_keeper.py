"""The board's end of a connection, run here: its folder lasts as long as the connection."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgewise.runtime.devices import _keeper

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a keeper whose temporary folders are in `tmp_path`."""
    started: list[subprocess.Popen[bytes]] = []

    def start(patience_s: int = 60, before: str = "") -> "subprocess.Popen[bytes]":
        source = before + Path(_keeper.__file__).read_text("utf-8")
        keeper = subprocess.Popen(
            [sys.executable, "-c", source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        )
        started.append(keeper)
        order(keeper, patience_s=patience_s)
        assert answer(keeper)["keeper"] == "ready"
        return keeper

    yield start
    for keeper in started:
        with keeper:
            keeper.kill()


def order(keeper: "subprocess.Popen[bytes]", data: bytes = b"", **fields: Any) -> None:
    assert keeper.stdin is not None
    keeper.stdin.write(f"{json.dumps(fields)}\n".encode() + data)
    keeper.stdin.flush()


def answer(keeper: "subprocess.Popen[bytes]") -> dict[str, Any]:
    assert keeper.stdout is not None
    line = next(line for line in keeper.stdout if line.startswith(b'{"keeper"'))
    found: dict[str, Any] = json.loads(line)
    return found


def run(keeper: "subprocess.Popen[bytes]", program: str, given: str = "") -> dict[str, Any]:
    command = [sys.executable, "-c", program]
    order(keeper, do="run", command=command, environment={"ONE": "1"}, input=given)
    return answer(keeper)


def test_files_and_programs_share_the_folder(start: Start, tmp_path: Path) -> None:
    keeper = start()
    order(keeper, b"\x00\n\xff", do="store", name="a/b", size_bytes=3)
    program = (
        "import os, sys; print(list(open('a/b', 'rb').read()), os.environ['ONE'], input(), file=sys.stderr)"
    )
    assert run(keeper, program, "given\n") == {
        "keeper": "ended",
        "code": 0,
        "stderr": "[0, 10, 255] 1 given\n",
    }
    assert run(keeper, "import os; os.kill(os.getpid(), 9)")["code"] == -9
    assert len([*tmp_path.iterdir()]) == 1
    keeper.communicate()
    assert (keeper.returncode, [*tmp_path.iterdir()]) == (0, [])


@pytest.mark.parametrize("ending", ["the connection ends", "a signal", "silence"])
def test_it_kills_the_program_and_leaves_nothing(start: Start, tmp_path: Path, ending: str) -> None:
    keeper = start(patience_s=2 if ending == "silence" else 60)
    program = (
        "import subprocess, time; print(subprocess.Popen(['sleep', '99']).pid, flush=True); time.sleep(99)"
    )
    order(keeper, do="run", command=[sys.executable, "-c", program], environment={}, input="")
    assert keeper.stdout is not None
    child = next(int(line) for line in keeper.stdout if line.strip().isdigit())
    if ending == "the connection ends":
        assert keeper.stdin is not None
        keeper.stdin.close()
    elif ending == "a signal":
        keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(10) == 0
    assert [*tmp_path.iterdir()] == []
    end = time.monotonic() + 5
    while Path(f"/proc/{child}/exe").exists():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_next_keeper_removes_what_a_killed_one_left(start: Start, tmp_path: Path) -> None:
    killed, living = start(), start()
    killed.kill()
    killed.wait()
    assert len([*tmp_path.iterdir()]) == 2
    start()
    assert len([*tmp_path.iterdir()]) == 2  # that of the running keeper, and its own
    assert run(living, "")["code"] == 0


@pytest.mark.parametrize("source", ["_keeper.py", "_facts.py"])
def test_what_runs_on_any_board_is_python_3_9_and_its_standard_library(source: str) -> None:
    """Its syntax and imports; a real Python 3.9 is not always at hand."""
    text = Path(_keeper.__file__).with_name(source).read_text("utf-8")
    names = set()
    for node in ast.walk(ast.parse(text, feature_version=(3, 9))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    assert names
    assert names <= sys.stdlib_module_names


def test_it_needs_no_newer_kernel(start: Start) -> None:
    """Before Linux 5.3 there is no pidfd_open, and a Python that was built there has none either."""
    keeper = start(before="import os\nvars(os).pop('pidfd_open', None)\n")
    assert run(keeper, "import os; print(hasattr(os, 'pidfd_open'))")["code"] == 0
    assert run(keeper, "raise SystemExit(7)")["code"] == 7
