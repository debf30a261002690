"""The headless browser: found, started, and removed with all its files."""

import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from edgewise.models.errors import UsageError
from edgewise.runtime.devices import _chromium
from edgewise.runtime.devices._chromium import find, opened

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs process sessions")


def program(folder: Path, text: str) -> Path:
    """A program in place of a browser; $HERE is the folder of its profile."""
    path = folder / "browser"
    path.write_text(f'#!/bin/sh\nHERE="$TMPDIR"\n{text}\n')
    path.chmod(0o755)
    return path


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ended(pid: int) -> bool:
    """Whether it ends; a busy kernel takes its time for what was killed."""
    for _ in range(1000):
        if not alive(pid):
            return True
        time.sleep(0.01)
    return False


def written(path: Path) -> str:
    """Wait for a program to write a file, and return its text."""
    for _ in range(500):
        if path.is_file() and (text := path.read_text()):
            return text
        time.sleep(0.01)
    raise AssertionError(f"nothing wrote {path}")


def test_a_machine_without_a_browser_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_chromium, "_ELSEWHERE", ())
    assert find() is None
    (tmp_path / "google-chrome").touch(0o755)
    assert find() == tmp_path / "google-chrome"


def test_stubborn_children_are_killed_and_the_files_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_chromium, "_PATIENCE_S", 0.2)
    told = tmp_path / "told"
    stubborn = program(tmp_path, f'trap "" TERM\nsleep 60 &\necho "$! $HERE" > {told}\nwait; wait')
    with opened(stubborn, "http://127.0.0.1:9/", None) as browser:
        child, folder = written(told).split()
        assert browser.ending is None
        assert alive(int(child))
        assert Path(folder).is_dir()
    assert ended(int(child))
    assert not Path(folder).exists()


def test_its_arguments_do_not_tell_the_address(tmp_path: Path) -> None:
    told = tmp_path / "told"
    secret = "http://127.0.0.1:9/secret?a&b"
    talkative = program(tmp_path, f'for page; do :; done; stat -c "%a $page $*" "$HERE" > {told}; sleep 60')
    with opened(talkative, secret, None):
        mode, page, *arguments = written(told).split()
        assert mode == "700"
        assert not any("secret" in argument for argument in arguments)
        content = Path(page.removeprefix("file://")).read_text()
    assert content == '<meta http-equiv="refresh" content="0; url=http://127.0.0.1:9/secret?a&amp;b">'


def test_how_a_browser_ended_is_known(tmp_path: Path) -> None:
    with opened(program(tmp_path, "echo out of luck >&2; exit 3"), "", None) as browser:
        for _ in range(500):
            if browser.ending is not None:
                break
            time.sleep(0.01)
        assert browser.ending == "status 3; out of luck"


def test_a_browser_notices_that_its_owner_was_killed(tmp_path: Path) -> None:
    told = tmp_path / "told"
    # Like Chromium, it reads descriptor 3.
    listening = program(tmp_path, f'echo $$ > {told}\ncat <&3\necho "gone, 4 is open" >&4')
    owner = f"""
        import os, signal
        from pathlib import Path
        from edgewise.runtime.devices._chromium import opened

        with opened(Path({str(listening)!r}), "", None):
            while not Path({str(told)!r}).exists():
                pass
            os.kill(os.getpid(), signal.SIGKILL)
    """
    environment = os.environ | {"TMPDIR": str(tmp_path)}  # its folder is left there
    subprocess.run([sys.executable, "-c", dedent(owner)], env=environment, check=False)
    pid = int(written(told))
    for _ in range(500):
        if not alive(pid):
            break
        time.sleep(0.01)
    assert not alive(pid)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")
def test_it_stays_on_its_processors_and_this_process_on_its_own(tmp_path: Path) -> None:
    told, own = tmp_path / "told", os.sched_getaffinity(0)
    shown = program(tmp_path, f"grep Cpus_allowed_list /proc/self/status > {told}")
    with opened(shown, "", (min(own),)):
        assert written(told).split() == ["Cpus_allowed_list:", str(min(own))]
    assert os.sched_getaffinity(0) == own
    with pytest.raises(UsageError, match="choose from this machine's"), opened(shown, "", (min(own), 9999)):
        pass


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="needs Linux")
def test_the_time_of_all_its_processes_counts(tmp_path: Path) -> None:
    told = tmp_path / "told"
    busy = program(tmp_path, f"(i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done); echo > {told}; sleep 60")
    with opened(busy, "", None) as browser:
        while not told.exists():
            time.sleep(0.05)
        spent = browser.cpu_seconds()
        assert spent is not None
        assert 0.05 < spent < 30
