"""A child process returns its answer, or an error says how it died."""

from pathlib import Path
from textwrap import dedent

import pytest

from edgewise.runtime.child import ChildDiedError, ask, in_words


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Write":
    """Write a module that a child process can import."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Write(tmp_path)


class Write:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, block: str) -> str:
        start = "import ctypes, json, os, resource, signal, sys, time\n"
        (self.folder / "worker.py").write_text(start + dedent(block))
        return "worker"


def test_the_answer_comes_through_whatever_is_printed(write: Write) -> None:
    module = write("""
        from edgewise.runtime.child import answering
        with answering() as answer:
            print("noise")
            ctypes.CDLL(None).puts(b"noise from C")
            os.write(1, b"noise past both")
            json.dump(sys.argv[1:], answer)
    """)
    assert ask(module, "one", "t w ö") == ["one", "t w ö"]


def test_what_json_lacks_is_none(write: Write) -> None:
    module = write("print(json.dumps([float('nan'), float('inf'), 1.5]))")
    assert ask(module) == [None, None, 1.5]


@pytest.mark.parametrize(
    ("death", "told"),
    [
        ("ctypes.string_at(0)", "SIGSEGV"),
        ("os.abort()", "SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass", "SIGXCPU|SIGKILL"),
        ("sys.exit(3)", "status 3"),
        ("raise RuntimeError", "status 1"),
    ],
)
def test_the_error_says_how_a_child_died(write: Write, death: str, told: str) -> None:
    with pytest.raises(ChildDiedError, match=f"^({told})$"):
        ask(write(death))


def test_a_child_that_hangs_is_killed(write: Write) -> None:
    with pytest.raises(ChildDiedError, match=r"^no answer after 0\.5 s$"):
        ask(write("time.sleep(60)"), timeout_s=0.5)


def test_a_file_in_the_user_s_folder_is_not_imported(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = write("import numpy; print(json.dumps(hasattr(numpy, 'ndarray')))")
    here = tmp_path / "here"
    here.mkdir()
    (here / "numpy.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(here)
    assert ask(module) is True


def test_an_exception_is_one_line() -> None:
    assert in_words(ValueError("first\nsecond")) == "ValueError: first"
    assert in_words(ValueError()) == "ValueError: "
