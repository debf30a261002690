"""Streams that are closed, full or abandoned, a missing temporary folder, and signals at any time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
_PROGRAM = [sys.executable, "-c", "from edgewise.cli.main import main; main()"]


def shell(line: str, *arguments: object, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run `line` in a shell where "$@" is the program with arguments."""
    command = ["/bin/sh", "-c", line, "sh", *_PROGRAM, *map(str, arguments)]
    return subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(
    "command", [["--help"], ["models"], ["models", "--json"], ["--version"]], ids=" ".join
)
def test_a_full_disk_behind_standard_output_is_said_once(command: list[str]) -> None:
    done = shell('"$@" >/dev/full', *command)
    assert done.returncode == 1
    assert done.stderr == (
        "edgewise: the output cannot be written (No space left on device); write it to another place\n"
    )


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_result_that_cannot_be_written_is_an_error(tiny_bundle: Path, options: list[str]) -> None:
    picture = tiny_bundle / "golden" / "image.png"
    done = shell('"$@" >/dev/full', "predict", tiny_bundle, picture, *options)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("edgewise: the output cannot be written")
    assert "Traceback" not in done.stderr


def test_a_full_disk_behind_standard_error_keeps_the_exit_code() -> None:
    done = shell('"$@" 2>/dev/full', "verify", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(tiny_bundle: Path, closed: str) -> None:
    picture = tiny_bundle / "golden" / "image.png"
    before = picture.read_bytes()
    done = shell(f'"$@" {closed}', "predict", tiny_bundle, picture)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == (closed in {"2>&-", "<&-"})
    assert picture.read_bytes() == before  # nothing was printed into a file


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    done = shell('{ "$@"; echo "code $?" >&2; } | true', "models", "--json")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_without_a_temporary_folder_it_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import tempfile\ntempfile._candidate_tempdir_list = lambda: ['/nowhere']\n"
    )
    steps = tmp_path / "steps.toml"
    steps.write_text('[[steps]]\nrun = "models"\n')
    done = shell('"$@"', "run", steps, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("edgewise: no temporary file can be written (No usable temporary directory")
    assert "set TMPDIR to a folder where that is possible" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="needs a user other than root")
def test_a_folder_without_permission_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    done = shell('"$@"', "predict", tmp_path / "closed" / "bundle", "picture.png")
    assert done.returncode in {1, 2}
    assert done.stderr.count("\n") == 1
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_a_library_makes_another_error_of_is_an_interrupt(
    tiny_bundle: Path, tmp_path: Path, kind: signal.Signals
) -> None:
    """Imports of compiled libraries turn the KeyboardInterrupt inside them into an ImportError."""
    program = dedent(f"""
        import os, signal
        try:
            os.kill(os.getpid(), signal.{kind.name})
        except KeyboardInterrupt:
            raise ImportError("the library failed to import") from None
    """)
    commands: dict[str, list[object]] = {
        "rich": ["models"],
        "ai_edge_litert": ["predict", tiny_bundle, "picture.png"],
    }
    for library, command in commands.items():
        folder = tmp_path / library
        folder.mkdir()
        (folder / f"{library}.py").write_text(program)
        for options in ([], ["--json"]):
            done = shell('"$@"', *command, *options, PYTHONPATH=str(folder))
            assert done.returncode == 130
            assert done.stderr == "edgewise: interrupted; nothing half-written is left\n"
            assert not options or json.loads(done.stdout)["schema"] == "edgewise.error"


@pytest.mark.slow
def test_a_signal_at_any_time_of_the_start_is_an_interrupt_or_none(tiny_bundle: Path, tmp_path: Path) -> None:
    """Before `main`, Python's own handlers end the process, and there is nothing to tidy up."""
    arguments = ["predict", str(tiny_bundle), str(tiny_bundle / "golden" / "image.png")]
    for place in range(12):
        with subprocess.Popen(
            [*_PROGRAM, *arguments],
            env=os.environ | {"TMPDIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            time.sleep(0.1 + 0.08 * place)
            child.send_signal(signal.SIGTERM)
            _, stderr = child.communicate(timeout=60)
        assert child.returncode in {0, 130, -signal.SIGTERM}, stderr
        assert "Traceback" not in stderr
        assert list(tmp_path.iterdir()) == []
