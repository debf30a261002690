"""What libraries print stays hidden, what people need does not."""

import json
import subprocess
import sys
from collections.abc import Callable
from textwrap import dedent

import pytest

OnATerminal = Callable[..., tuple[int, str]]

# Prints as libraries do: through Python, through C's buffers and past both.
_NOISE = """
import ctypes, json, logging, os, sys
from edgewise.cli.terminal import terminal
from edgewise.models.errors import EdgewiseError

def noise():
    print("noise: print")
    print("noise: stderr", file=sys.stderr)
    ctypes.CDLL(None).puts(b"noise: puts")
    os.write(1, b"noise: write 1\\n")
    os.write(2, b"noise: write 2\\n")
    logging.warning("noise: logging")

def open_files():
    return [(os.fstat(number).st_dev, os.fstat(number).st_ino) for number in (0, 1, 2)]
"""
_ALL = {"print", "stderr", "puts", "write 1", "write 2", "logging"}


@pytest.fixture
def run(environment: dict[str, str], on_a_terminal: OnATerminal) -> "Run":
    return Run(environment, on_a_terminal)


class Run:
    """Runs a block in a child after `_NOISE`."""

    def __init__(self, environment: dict[str, str], on_a_terminal: OnATerminal) -> None:
        self._environment, self._on_a_terminal = environment, on_a_terminal

    def __call__(self, block: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", _NOISE + dedent(block)]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)

    def on_a_terminal(self, block: str) -> str:
        """All that appears on a pseudo-terminal that is stdout and stderr."""
        code, seen = self._on_a_terminal("-c", _NOISE + dedent(block))
        assert code == 0, seen
        return seen


def heard(text: str) -> set[str]:
    """Which ways of printing came through."""
    return {line.partition("noise: ")[2] for line in text.splitlines() if "noise: " in line}


def test_noise_is_hidden_and_results_are_not(run: Run) -> None:
    done = run("""
        with terminal() as screen:
            with screen.stage("Work"):
                noise()
            screen.notice("Beware [of] brackets")
            screen.results.print("[bold]result[/]")
        print("after")
    """)
    assert done.stdout == "result\nafter\n"
    work, notice = done.stderr.splitlines()
    assert work.startswith("✓ Work ")
    assert notice == "! Beware [of] brackets"


def test_noise_is_hidden_from_a_person_too(run: Run) -> None:
    seen = run.on_a_terminal("""
        with terminal() as screen, screen.stage("Work") as progress:
            noise()
            progress(3, 7)
        print("result")
    """)
    assert heard(seen) == set()
    assert "Work" in seen
    assert "3/7" in seen
    assert "✓" in seen
    assert "result" in seen


def test_verbose_shows_it(run: Run) -> None:
    block = 'with terminal(verbose=True) as screen, screen.stage("Work"):\n    noise()'
    done = run(block)
    assert done.stdout == ""  # which is for results alone
    assert heard(done.stderr.replace("WARNING:root:", "")) == _ALL
    assert "noise: print" in run.on_a_terminal(block)


def test_a_notice_is_given_once(run: Run) -> None:
    done = run("""
        with terminal() as screen:
            for line in ("Beware", "Mind the gap", "Beware"):
                screen.notice(line)
        print(screen.notices)
    """)
    assert done.stderr.splitlines() == ["! Beware", "! Mind the gap"]
    assert done.stdout == "['Beware', 'Mind the gap']\n"


def test_quiet_says_nothing_but_remembers(run: Run) -> None:
    done = run("""
        with terminal(quiet=True) as screen:
            with screen.stage("First"):
                noise()
            with screen.stage("Second"):
                pass
            screen.notice("Beware")
            screen.results.print("result")
        print(screen.notices)
    """)
    assert done.stderr == ""
    assert done.stdout == "result\n['Beware']\n"


def test_the_end_of_the_log_is_shown_when_something_unforeseen_happens(run: Run) -> None:
    done = run("""
        with terminal():
            for line in range(100):
                print("earlier", line)
            sys.stdout.flush()
            noise()
            raise RuntimeError("a bug")
    """)
    assert done.returncode == 1
    assert done.stdout == ""
    heading, *rest = done.stderr.splitlines()
    assert heading == "The last lines that libraries printed (-v shows all):"
    assert "earlier 99" in rest
    assert "earlier 0" not in rest
    assert heard(done.stderr.replace("WARNING:root:", "")) == _ALL
    assert rest[-1] == "RuntimeError: a bug"


@pytest.mark.parametrize("error", ['EdgewiseError("yours")', "KeyboardInterrupt"])
def test_a_foreseen_end_shows_no_log(run: Run, error: str) -> None:
    done = run(f"""
        try:
            with terminal():
                noise()
                raise {error}
        except ({error.partition("(")[0]}):
            print("caught")
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "caught\n", "")


@pytest.mark.parametrize("end", ["pass", 'raise EdgewiseError("x")', 'raise RuntimeError("x")'])
def test_the_descriptors_are_as_before(run: Run, end: str) -> None:
    done = run(f"""
        before, number = open_files(), len(os.listdir("/dev/fd"))
        try:
            with terminal():
                assert open_files()[1:] != before[1:]
                {end}
        except (EdgewiseError, RuntimeError):
            pass
        assert open_files() == before
        assert len(os.listdir("/dev/fd")) == number
        os.write(1, b"out"), os.write(2, b"err")
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "out"
    assert done.stderr.endswith("err")


def test_a_line_in_a_pipe_stays_whole(run: Run) -> None:
    done = run('with terminal() as screen:\n    screen.notice("word " * 60 + "end")')
    assert done.stderr == f"! {'word ' * 60}end\n"


def test_a_stage_that_fails_has_no_tick(run: Run) -> None:
    done = run("""
        try:
            with terminal() as screen, screen.stage("Work"):
                raise EdgewiseError("x")
        except EdgewiseError:
            print("caught")
    """)
    assert (done.stdout, done.stderr) == ("caught\n", "")


def test_while_a_command_starts_something_moves_and_leaves_no_trace(run: Run) -> None:
    block = "with terminal() as screen, screen.starting():\n    noise()"
    seen = run.on_a_terminal(block)
    assert "Starting" in seen
    assert heard(seen) == set()
    assert "✓" not in seen
    assert seen.endswith("\x1b[2K")  # the line of the spinner is erased
    assert run(block).stderr == ""


def test_json_is_one_document_and_replaces_what_people_read(run: Run) -> None:
    done = run("""
        with terminal(as_json=True) as screen:
            with screen.stage("Work"):
                noise()
            screen.results.print("for people")
            screen.finish({"schema": "a", "schema_version": 1})
    """)
    assert json.loads(done.stdout) == {"schema": "a", "schema_version": 1}
    assert done.stderr.startswith("✓ Work ")  # progress goes on: --quiet silences it


def test_a_result_that_fails_a_check_is_in_the_document_with_its_error(run: Run) -> None:
    done = run("""
        def check():
            raise EdgewiseError("too slow")

        try:
            with terminal(as_json=True) as screen:
                screen.finish({"schema": "a", "schema_version": 1, "found": 5}, check)
        except EdgewiseError:
            pass
    """)
    document = json.loads(done.stdout)
    assert (document["schema"], document["schema_version"], document["found"]) == ("a", 1, 5)
    assert document["error"] == {
        "message": "too slow",
        "exit_code": 1,
        "exit_name": "error",
        "details": {},
    }


def test_an_error_without_a_result_is_a_document_too(run: Run) -> None:
    done = run("""
        try:
            with terminal(as_json=True):
                raise EdgewiseError("broken")
        except EdgewiseError:
            pass
    """)
    document = json.loads(done.stdout)
    assert (document["schema"], document["schema_version"]) == ("edgewise.error", 1)
    assert document["error"]["message"] == "broken"


def test_what_files_contain_does_not_command_the_terminal(run: Run) -> None:
    seen = run.on_a_terminal("""
        from edgewise.cli.terminal import table
        hostile = "cat\\x1b]0;owned\\x07\\x1b[2J\\x9b1A\\rPASS"
        with terminal() as screen:
            screen.notice(hostile)
            screen.results.print(hostile, markup=False)
            shown = table("class")
            shown.add_row(hostile)
            screen.results.print(shown)
            with screen.stage(hostile):
                pass
        """)
    assert seen.count("cat�]0;owned�[2J�1AP") >= 4  # rich itself leaves out some
    assert not any(mark in seen for mark in ("\x1b]", "\x07", "\x1b[2J", "\x9b", "1A\rPASS"))


def test_errors_do_not_command_the_terminal(environment: dict[str, str]) -> None:
    for argument, shown in (("a\x1b[2Jb.onnx", "a�[2Jb.onnx"), ("--a\x1b[2Jb", r"--a\x1b[2Jb")):
        command = [sys.executable, "-c", "from edgewise.cli.main import main; main()", "inspect", argument]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert shown in done.stderr
        assert "\x1b" not in done.stderr
