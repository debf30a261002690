"""Temporary folders of live, dead and foreign processes."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from edgewise.models import scratch
from edgewise.models.scratch import scratch_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot lock folders")

_HOLD = dedent("""
    import time
    from edgewise.models.scratch import scratch_folder

    with scratch_folder() as folder:
        (folder / "below").mkdir()
        (folder / "below" / "file").write_text("content")
        print(folder, flush=True)
        time.sleep(60)
""")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, and a process that has not tidied it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scratch._tidy.cache_clear()
    yield tmp_path
    scratch._tidy.cache_clear()


def held() -> tuple["subprocess.Popen[str]", Path]:
    """A process that holds a folder."""
    child = subprocess.Popen([sys.executable, "-c", _HOLD], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    return child, Path(child.stdout.readline().strip())


def aged(folder: Path) -> Path:
    """The folder, unused for two minutes."""
    then = time.time() - 120
    os.utime(folder, (then, then))
    return folder


def test_it_is_gone_after_the_block_and_after_an_error(place: Path) -> None:
    with scratch_folder() as folder:
        (folder / "file").write_text("content")
        assert folder.parent == place
    with pytest.raises(ZeroDivisionError), scratch_folder():
        raise ZeroDivisionError
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_and_what_lives_stays(place: Path) -> None:
    (dead, left), (alive, used) = held(), held()
    dead.send_signal(signal.SIGKILL)
    dead.communicate()
    assert (left / "below" / "file").is_file()
    with scratch_folder():
        assert left.is_dir()  # it could be new, and not yet locked
    aged(left)
    aged(used)
    scratch._tidy.cache_clear()
    with scratch_folder():
        assert not left.exists()
        assert (used / "below" / "file").is_file()
    alive.send_signal(signal.SIGKILL)
    alive.communicate()
    assert list(place.iterdir()) == [used]


def test_nothing_else_is_removed(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    notes = place / "edgewise-notes"
    notes.mkdir()
    (notes / "thesis.txt").write_text("years of work")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / ".edgewise-scratch").touch()
    (place / "edgewise-link").symlink_to(elsewhere)
    (place / "edgewise-file").write_text("a file")
    before = sorted(place.rglob("*"))
    for path in before:
        aged(path)
    with scratch_folder():
        pass
    assert sorted(place.rglob("*")) == before
    assert (elsewhere / ".edgewise-scratch").is_file()
