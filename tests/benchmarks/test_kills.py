"""The run that disturbs commands, and the processes that it forks for them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from kills_server import Forked, Server, noting

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kills.py"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and mounts disks")
_SAY = """
    import atexit, json, logging, os, sys, tempfile, time

    atexit.register(lambda: print("at exit"))
    print(json.dumps([
        __name__, sys.argv, sys.path, tempfile.gettempdir(), os.environ["COLOUR"],
        os.getsid(0) == os.getpid(), len(os.listdir("/proc/self/task")), logging.root.level,
        vars(sys.modules["__main__"]) is globals(),
    ]))
    print("told", file=sys.stderr)
    if sys.argv[1] == "wait":
        sys.stdout.flush()
        time.sleep(60)
    sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(tmp_path), "COLOUR": "blue"}


@pytest.fixture
def server(variables: dict[str, str]) -> Iterator[Server]:
    made = Server(["logging", "numpy", "no.such.module"], variables)
    yield made
    made.stop()


def said(command: tuple[str, ...], server: Server) -> tuple[int, str, str]:
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        code = server.start(command, out, err).wait(30)
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read()


@pytest.mark.parametrize("code", ["0", "3"])
def test_a_forked_command_is_like_a_fresh_one(
    code: str, server: Server, variables: dict[str, str], tmp_path: Path
) -> None:
    command = (sys.executable, "-c", dedent(_SAY), code, "an argument")
    fresh = subprocess.run(
        command, env=variables, capture_output=True, text=True, check=False, start_new_session=True
    )
    assert said(command, server) == (fresh.returncode, fresh.stdout, fresh.stderr)
    assert fresh.stdout.endswith("at exit\n")
    assert str(tmp_path) in fresh.stdout
    assert said(command, server)[0] == int(code)  # it serves again


def test_a_forked_command_is_killed_with_its_group(server: Server) -> None:
    command = (sys.executable, "-c", dedent(_SAY), "wait")
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = server.start(command, out, err)
        assert isinstance(child, Forked)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.2)
        os.killpg(child.pid, signal.SIGKILL)
        assert child.wait(10) == -signal.SIGKILL
        assert child.poll() == child.returncode == -signal.SIGKILL


def test_modules_of_the_subject_are_not_imported_in_advance(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("import json\n")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import own, tomllib"
    subprocess.run(noting((sys.executable, "-c", program), tmp_path / "names.json"), check=True)
    names = json.loads((tmp_path / "names.json").read_text())
    assert {"json", "tomllib"} <= set(names)
    assert not {"own", "__main__"} & set(names)


def counted(sources: Path, table: Path, *options: str) -> list[list[str]]:
    """The rows of the table that the benchmark writes."""
    isolated = (shutil.which("unshare") or "unshare", "-rm")
    if subprocess.run((*isolated, "true"), capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a disk")
    seed = ("--seed", str(int(time.time()) % 1000))
    done = subprocess.run(
        (*isolated, sys.executable, str(SCRIPT), str(sources), *options, *seed, "--table", str(table)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [
        line for line in table.read_text().splitlines() if re.match(r"\| (export|train|bench|store) ", line)
    ]
    return [re.split(r" *\| *", row)[1:-1] for row in rows]


@pytest.fixture
def sources(tiny_bundles: dict[str, Path], tmp_path: Path) -> Path:
    shutil.copytree(tiny_bundles["onnx"], tmp_path / "sources" / "onnx")
    return tmp_path / "sources"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["export", "train", "bench"])
def test_kills_of_a_command_damage_nothing(command: str, sources: Path, tmp_path: Path) -> None:
    options = ("--commands", command, "--days", "a kill", "--kills", "3")
    ((_, name, times, _, clean, *bad),) = counted(sources, tmp_path / "table.md", *options)
    assert (name, times, clean, bad) == ("a kill", "3", "0", ["0"] * 4)


@pytest.mark.slow
def test_each_bad_day_of_the_store_is_counted_and_loses_nothing(sources: Path, tmp_path: Path) -> None:
    rows = counted(sources, tmp_path / "table.md", "--commands", "store", "--kills", "4", "--times", "2")
    assert [row[1] for row in rows] == [
        "a kill",
        "a full disk",
        "a full temporary folder",
        "a read-only folder",
        "two processes at once",
    ]
    for _, name, times, well, clean, *bad in rows:
        assert bad == ["0"] * 4, name
        assert int(times) == (4 if name == "a kill" else 2)
        if name != "a kill":
            assert int(well) + int(clean) == 2 * int(times) // (1 if "two" in name else 2), name
