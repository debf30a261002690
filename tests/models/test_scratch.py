"""Temporary folders of live, dead and foreign processes."""

import errno
import os
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

from edgewise.models import scratch
from edgewise.models.errors import EdgewiseError, UsageError
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


_DIE = dedent("""
    import os, signal, sys
    from edgewise.models.scratch import scratch_folder

    left = int(sys.argv[1])
    def before(event, args):
        global left
        if event in {"os.remove", "os.rmdir"} and armed:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    armed = False
    sys.addaudithook(before)
    with scratch_folder() as folder:
        (folder / "below").mkdir()
        for place in (folder, folder / "below"):
            (place / "file").write_text("content")
        armed = True
    armed = False
""")


def test_a_clean_up_that_is_killed_at_any_step_is_finished_by_the_next(place: Path) -> None:
    kills = 0
    for step in range(20):
        done = subprocess.run([sys.executable, "-c", _DIE, str(step)], check=False)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        kills += 1
        (left,) = place.iterdir()
        aged(left)
        scratch._tidy.cache_clear()
        with scratch_folder():
            pass
        assert list(place.iterdir()) == [], f"killed before step {step}"
    assert kills == 5  # two files, a folder, the mark and the folder itself


def test_an_empty_folder_of_another_kind_stays(place: Path) -> None:
    (place / "edgewise-results").mkdir(mode=0o700)
    (place / "edgewise-abcdefgh").mkdir(mode=0o755)
    before = [aged(path) for path in sorted(place.iterdir())]
    with scratch_folder():
        pass
    assert sorted(place.iterdir()) == before


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


_ON_A_SMALL_DISK = dedent("""
    import errno, os, sys
    from pathlib import Path
    from edgewise.models.errors import EdgewiseError
    from edgewise.models.scratch import scratch_folder

    try:
        with scratch_folder() as folder, (folder / "file").open("wb", buffering=0) as file:
            while file.write(bytes(1000)):
                pass
    except (EdgewiseError, OSError) as error:
        print(type(error).__name__, error)
    try:
        with scratch_folder() as folder:
            with (folder / "file").open("wb", buffering=0) as file:
                while file.write(bytes(1000)) == 1000:
                    pass
            raise RuntimeError("a library: cannot open")
    except (EdgewiseError, RuntimeError) as error:
        print(type(error).__name__, error)
    print(os.listdir(sys.argv[1]))
""")


def test_a_full_folder_is_told_with_its_name_and_the_way_out(place: Path) -> None:
    isolated = (shutil.which("unshare") or "unshare", "-rm")
    if sys.platform != "linux" or subprocess.run((*isolated, "true"), check=False).returncode:
        pytest.skip("this system lets nobody mount a disk")
    script = 'mount -t tmpfs -o size=128k tmpfs "$1" && shift && exec "$@"'
    program = (sys.executable, "-c", _ON_A_SMALL_DISK, str(place))
    done = subprocess.run(
        (*isolated, "sh", "-c", script, "sh", str(place), *program),
        capture_output=True,
        text=True,
        check=False,
    )
    told = (
        f"EdgewiseError {place}: the folder for temporary files is full; free some space, or set TMPDIR to a "
        "folder on another disk"
    )
    assert done.stdout.splitlines() == [told, told, "[]"], done.stderr


def test_what_else_goes_wrong_is_told_as_it_is() -> None:
    with pytest.raises(OSError, match="No space left on device: '/elsewhere/file'"), scratch_folder():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/elsewhere/file")
    with pytest.raises(UsageError, match="an option"), scratch_folder():
        raise UsageError("an option")


def test_where_none_can_be_made_it_says_what_to_set(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(place / "missing"))
    with pytest.raises(EdgewiseError, match=r"\(No such file or directory\); set TMPDIR"), scratch_folder():
        pass
