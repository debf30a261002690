"""Files that appear complete or not at all: after errors, on a full disk, and after a kill at any moment."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from edgewise.models import files
from edgewise.models.files import read_file, replacing_file, write_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "file.bin"
    path.parent.mkdir()
    path.write_bytes(b"old")
    return path


def names(file: Path) -> list[str]:
    return sorted(path.name for path in file.parent.iterdir())


def test_a_file_is_created_and_replaced(file: Path) -> None:
    for path in (file, file.with_name("other")):
        write_file(path, b"new")
        assert path.read_bytes() == b"new"
    assert names(file) == ["file.bin", "other"]


def test_the_content_is_on_disk_before_the_file_gets_its_name(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, synced = os.fsync, []

    def record(descriptor: int) -> None:
        fsync(descriptor)
        synced.append((os.fstat(descriptor).st_size, file.read_bytes()))

    monkeypatch.setattr(os, "fsync", record)
    write_file(file, b"newer")
    assert synced == [(5, b"old")]
    assert file.read_bytes() == b"newer"


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_an_exception_leaves_the_old_file_alone(file: Path, error: BaseException) -> None:
    def fail(partial: Path) -> None:
        partial.write_bytes(b"half")
        raise error

    with pytest.raises(type(error)), replacing_file(file) as partial:
        fail(partial)
    assert file.read_bytes() == b"old"
    assert names(file) == ["file.bin"]


def test_a_full_disk_leaves_the_old_file_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(OSError, match="No space left"):
        write_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert names(file) == ["file.bin"]


def test_a_block_that_writes_nothing_leaves_the_old_file_alone(file: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing_file(file):
        pass
    assert file.read_bytes() == b"old"


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
def test_a_kill_before_any_system_call_leaves_a_complete_file(file: Path) -> None:
    """Python announces every system call that touches a file: the process is killed before each in turn."""
    program = dedent("""
        import os, signal, sys
        from pathlib import Path
        from edgewise.models.files import write_file

        path, left = Path(sys.argv[1]), int(sys.argv[2])
        armed = False

        def before(event, arguments):
            global armed, left
            if armed and event.partition(".")[0] in {"open", "os"}:
                left -= 1
                if left < 0:
                    armed = False  # killing is an event as well
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(before)
        armed = True
        write_file(path, b"new")
        armed = False
    """)
    found = []
    for step in range(20):
        file.write_bytes(b"old")
        done = subprocess.run([sys.executable, "-c", program, str(file), str(step)], check=False)
        assert file.read_bytes() in {b"old", b"new"}
        assert set(names(file)) <= {"file.bin", ".file.bin.partial"}
        found.append((done.returncode, file.read_bytes()))
        if done.returncode == 0:
            break
    assert found[-1] == (0, b"new")
    assert found[:-1] == [(-signal.SIGKILL, b"old")] * (len(found) - 1)
    assert len(found) > 3  # opening, syncing and renaming at least
    assert names(file) == ["file.bin"]  # what a kill left behind was used again


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
@pytest.mark.parametrize("name", ["fifo", "/dev/zero"])
def test_what_has_no_end_is_not_read(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="it is not a regular file"):
        read_file(tmp_path / name)


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    assert read_file(tmp_path / "a", 4) == b"1234"
    with pytest.raises(OSError, match="it has more than 0 MiB"):
        read_file(tmp_path / "a", 3)
    for name, error in (("b", FileNotFoundError), (".", IsADirectoryError)):
        with pytest.raises(error):
            read_file(tmp_path / name)
