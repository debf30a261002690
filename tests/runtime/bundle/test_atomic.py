"""Atomic folder replacement, with real processes, real locks and a kill before every system call."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.runtime.bundle import atomic as _atomic
from edgewise.runtime.bundle.atomic import interrupted, refuse_foreign, replacing_folder

WINDOWS = sys.platform == "win32"  # where files can be synced, but not folders
needs_posix = pytest.mark.skipif(WINDOWS, reason="forks and sends SIGKILL")
modes = pytest.mark.parametrize("mode", ["exchange", "two renames"])

FILES = ("manifest.json", "model.bin", "golden/input.bin")


def write(folder: Path, generation: str) -> None:
    """Replace `folder` by one with three files, each of which contains its generation."""
    with replacing_folder(folder) as partial:
        (partial / "golden").mkdir()
        for name in FILES[1:]:
            (partial / name).write_text(generation)
        manifest = {"schema": 1, "files": dict.fromkeys(FILES[1:]), "generation": generation}
        (partial / FILES[0]).write_text(json.dumps(manifest))


def read(folder: Path) -> str:
    """The generation of a complete folder."""
    manifest = json.loads((folder / FILES[0]).read_text())
    found = {manifest["generation"], *((folder / name).read_text() for name in FILES[1:])}
    assert len(found) == 1, found
    return str(found.pop())


def fail(folder: Path, error: type[BaseException]) -> None:
    with replacing_folder(folder) as partial:
        (partial / FILES[1]).write_text("half")
        raise error


def skip_without_exchange(folder: Path) -> None:
    one, other = folder / "one", folder / "other"
    one.mkdir()
    other.mkdir()
    exchanged = _atomic._exchange(one, other)
    one.rmdir()
    other.rmdir()
    if not exchanged:
        pytest.skip("folders cannot be exchanged on this system")


# Runs in a new interpreter without threads, so that it can fork. Every round forks a writer and kills it.
# Without fsync, which is slow on a busy disk: killing a process does not lose data held by the kernel.
HARNESS = """
import itertools, os, random, shutil, signal, sys, time
from pathlib import Path
from edgewise.runtime.bundle import atomic as _atomic
from test_atomic import read, write

os.fsync = lambda descriptor: None
folder = Path(sys.argv[1])
if sys.argv[2] == "two renames":
    _atomic._exchange = lambda *_: False

def forked(work, *arguments):
    pid = os.fork()
    if pid == 0:
        work(*arguments)
        os._exit(0)
    return pid

def status(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def check(expected):
    whole = _atomic.interrupted(folder) or folder
    found = read(whole) if whole.exists() else None
    assert expected(found), found
    write(folder, "kept")
    assert os.listdir(folder.parent) == [folder.name], os.listdir(folder.parent)
    return found
"""

# Python calls audit hooks before every system call that touches a file, so killing before each of them
# produces every possible state of the disk.
EVERY_STEP = (
    HARNESS
    + """
def write_and_die(step):
    steps = itertools.count(1)
    sys.addaudithook(lambda *event: next(steps) == step and os.kill(os.getpid(), signal.SIGKILL))
    write(folder, "new")

for before in (None, "kept"):
    found, missing = [], 0
    for step in itertools.count(1):
        if before is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            write(folder, before)
        if status(forked(write_and_die, step)) == 0:
            break
        missing += not folder.exists()
        found.append(check(lambda found: found in (before, "new")))
    assert found == sorted(found, key=[before, "new"].index), found  # the change happens once
    print(found.count(before), found.count("new"), missing)
"""
)

RANDOM_MOMENTS = (
    HARNESS
    + """
def write_forever():
    for generation in itertools.count():
        write(folder, str(generation))

chance = random.Random(20)
write(folder, "kept")
start = time.monotonic()
write(folder, "kept")
one = time.monotonic() - start
for _ in range(20):
    pid = forked(write_forever)
    time.sleep(chance.uniform(0, 3 * one))
    os.kill(pid, signal.SIGKILL)
    assert status(pid) == -signal.SIGKILL
    check(lambda found: found == "kept" or found.isdigit())
"""
)


def run(script: str, *arguments: str | Path) -> str:
    """The output of a Python script that can import this module."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_posix
@modes
def test_a_kill_before_any_step_leaves_the_old_or_the_new_folder(tmp_path: Path, mode: str) -> None:
    if mode == "exchange":
        skip_without_exchange(tmp_path)
    first, again = run(EVERY_STEP, tmp_path / "bundle", mode).splitlines()
    before, after, _ = map(int, first.split())
    assert before > 10
    assert after > 0
    before, after, missing = map(int, again.split())
    assert before > 10
    assert after > 5  # the old folder is deleted step by step
    assert missing == (1 if mode == "two renames" else 0)


@needs_posix
@modes
def test_a_kill_at_a_random_moment_leaves_a_complete_folder(tmp_path: Path, mode: str) -> None:
    run(RANDOM_MOMENTS, tmp_path / "bundle", mode)


def write_often(folder: Path, times: int) -> None:
    for generation in range(times):
        write(folder, str(generation))


def test_the_folder_is_never_missing(tmp_path: Path) -> None:
    """Another thread reads while the folders are swapped."""
    skip_without_exchange(tmp_path)
    folder = tmp_path / "bundle"
    write(folder, "first")
    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write_often, folder, 20)
        while not writer.done():
            assert folder.is_dir()
        writer.result()
    assert read(folder) == "19"


def test_everything_is_synced_before_it_is_moved_into_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, fsync, synced = tmp_path / "bundle", os.fsync, []

    def record(descriptor: int) -> None:
        fsync(descriptor)
        synced.append((os.fstat(descriptor).st_ino, folder.exists()))

    monkeypatch.setattr(os, "fsync", record)
    write(folder, "first")
    parts = {path.stat().st_ino for path in (folder, *folder.rglob("*")) if path.is_file() or not WINDOWS}
    assert {inode for inode, in_place in synced if not in_place} >= parts
    assert {inode for inode, in_place in synced if in_place} == (
        set() if WINDOWS else {tmp_path.stat().st_ino}
    )


def test_an_exception_keeps_the_old_folder(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write(folder, "first")
    for error in (ZeroDivisionError, KeyboardInterrupt):
        with pytest.raises(error):
            fail(folder, error)
        assert read(folder) == "first"
        assert list(tmp_path.iterdir()) == [folder]


def test_an_exception_leaves_no_new_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fail(tmp_path / "a" / "bundle", ZeroDivisionError)
    assert not list((tmp_path / "a").iterdir())


HOLD = """
import sys, time
from pathlib import Path
from edgewise.runtime.bundle.atomic import refuse_foreign, replacing_folder
with replacing_folder(Path(sys.argv[1])):
    print("holding", flush=True)
    time.sleep(100)
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that is writing `folder`."""
    with subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "holding\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_running_writer_is_left_alone_and_a_killed_one_is_cleaned_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bundle"
    monkeypatch.setattr(_atomic, "_LOCK_WAIT_S", 0.1)
    with holder(folder) as process:
        leftovers = sorted(tmp_path.iterdir())
        assert len(leftovers) == 2
        with pytest.raises(EdgewiseError, match="another process has held this lock"):
            write(folder, "impatient")
        assert sorted(tmp_path.iterdir()) == leftovers
        process.kill()
        process.wait()
        assert sorted(tmp_path.iterdir()) == leftovers
        write(folder, "heir")
    assert read(folder) == "heir"
    assert list(tmp_path.iterdir()) == [folder]


def test_many_writers_take_turns(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    script = "import sys, pathlib, test_atomic; test_atomic.write_often(pathlib.Path(sys.argv[1]), 4)"
    with ThreadPoolExecutor(4) as pool:
        processes = [pool.submit(run, script, folder) for _ in range(2)]
        threads = [pool.submit(write_often, folder, 4) for _ in range(2)]
        assert {thread.result() for thread in threads} == {None}
        assert {process.result() for process in processes} == {""}
    assert read(folder) == "3"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_lock_file_deleted_by_its_last_holder_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last holder deletes the file after the next has opened it, but before that one locks it."""
    path, take = tmp_path / "lock", _atomic._take
    last = _atomic._try_lock(path)
    assert last is not None

    def take_late(descriptor: int) -> bool:
        path.unlink()
        os.close(last)
        return take(descriptor)

    monkeypatch.setattr(_atomic, "_take", take_late)
    assert _atomic._try_lock(path) is None
    monkeypatch.setattr(_atomic, "_take", take)
    descriptor = _atomic._try_lock(path)
    assert descriptor is not None
    assert _atomic._try_lock(path) is None
    os.close(descriptor)


def test_the_lock_file_of_the_next_holder_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another holder takes the lock the moment it is released."""
    path, close, taken = tmp_path / "lock", os.close, []

    def close_and_take(descriptor: int) -> None:
        close(descriptor)
        monkeypatch.undo()
        taken.append(_atomic._try_lock(path))

    with _atomic._locked(path):
        monkeypatch.setattr(os, "close", close_and_take)
    assert taken[0] is not None
    assert path.exists()
    os.close(taken[0])


def test_a_failed_second_rename_restores_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, rename = tmp_path / "bundle", Path.rename
    write(folder, "first")

    def refuse(self: Path, target: Path) -> Path:
        if self.name == ".bundle.partial":
            raise PermissionError(errno.EACCES, "held open by a virus scanner", str(self))
        return rename(self, target)

    monkeypatch.setattr(_atomic, "_exchange", lambda *_: False)
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(EdgewiseError, match=r"cannot be written .held open"):
        write(folder, "second")
    assert read(folder) == "first"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_stale_old_folder_is_not_restored(tmp_path: Path) -> None:
    """Both renames were done, and the new folder was deleted later."""
    folder, old = tmp_path / "bundle", tmp_path / ".bundle.old"
    write(folder, "old")
    folder.rename(old)
    assert interrupted(folder) is None
    assert read(old) == "old"  # who reads changes nothing
    write(folder, "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["bundle"]


def test_a_folder_of_someone_else_with_our_name_stays(tmp_path: Path) -> None:
    for role in ("old", "partial"):
        (tmp_path / f".thesis.{role}").mkdir()
        (tmp_path / f".thesis.{role}" / "chapter.tex").write_text("years of work")
    (tmp_path / ".thesis.lock").write_text("of a word processor")
    kept = sorted(tmp_path.rglob("*"))
    assert interrupted(tmp_path / "thesis") is None
    with pytest.raises(UsageError, match=r"\.thesis\.partial: was not written by edgewise and is in the way"):
        write(tmp_path / "thesis", "bundle")
    assert sorted(tmp_path.rglob("*")) == kept
    (tmp_path / ".thesis.partial").rename(tmp_path / "away")
    for generation in ("first", "second"):
        write(tmp_path / "thesis", generation)
    assert read(tmp_path / "thesis") == "second"
    assert (tmp_path / ".thesis.old" / "chapter.tex").read_text() == "years of work"
    assert (tmp_path / ".thesis.lock").exists()


def test_a_bundle_with_notes_of_its_user_is_no_leftover(tmp_path: Path) -> None:
    folder, old = tmp_path / "bundle", tmp_path / ".bundle.old"
    write(folder, "old")
    folder.rename(old)
    (old / "notes.txt").write_text("what I measured")
    write(folder, "new")
    assert read(old) == "old"


def test_a_link_with_our_name_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "other", "other")
    (tmp_path / ".bundle.old").symlink_to(tmp_path / "other")
    write(tmp_path / "bundle", "new")
    assert read(tmp_path / "other") == "other"


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"thesis.tex": "years of work"}, "not an edgewise bundle"),
        ({"manifest.json": "{"}, "not an edgewise bundle"),
        ({"manifest.json": "[" * 100_000}, "not an edgewise bundle"),
        ({"manifest.json": '{"name": "a browser extension", "files": {}}'}, "not an edgewise bundle"),
        (
            {"manifest.json": '{"schema": 1, "files": {"a": 1}}', "a": "", "b/c": ""},
            "contains b/c, which is not part",
        ),
    ],
)
def test_a_folder_that_is_not_a_bundle_is_not_replaced(
    tmp_path: Path, files: dict[str, str], complaint: str
) -> None:
    folder = tmp_path / "home"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with pytest.raises(UsageError, match=complaint):
        write(folder, "destruction")
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} == files.keys()
    assert list(tmp_path.iterdir()) == [folder]


def test_files_that_appear_while_writing_are_not_deleted(tmp_path: Path) -> None:
    notes = tmp_path / "bundle" / "notes.txt"
    with pytest.raises(UsageError, match="not an edgewise"), replacing_folder(tmp_path / "bundle"):  # noqa: PT012
        notes.parent.mkdir()
        notes.touch()
    assert notes.exists()
    assert list(tmp_path.iterdir()) == [notes.parent]


def test_an_empty_folder_and_clutter_are_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    write(folder, "first")
    (folder / ".DS_Store").touch()
    write(folder, "second")
    assert read(folder) == "second"
    assert not (folder / ".DS_Store").exists()


def test_the_current_folder_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "bundle", "first")
    monkeypatch.chdir(tmp_path / "bundle" / "golden")
    with pytest.raises(UsageError, match="current folder"):
        write(Path(".."), "second")


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "bundle").write_text("precious")
    with pytest.raises(UsageError, match="is a file; choose"):
        write(tmp_path / "bundle", "destruction")
    with pytest.raises(EdgewiseError, match=r"cannot be written .*choose another folder"):
        write(tmp_path / "bundle" / "below", "destruction")
    assert (tmp_path / "bundle").read_text() == "precious"


def test_a_symlink_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link, real = tmp_path / "link", tmp_path / "disk" / "bundle"
    write(real, "first")
    link.symlink_to(real)
    write(link, "second")
    assert link.is_symlink()
    assert read(real) == "second"
    assert list(real.parent.iterdir()) == [real]


@pytest.mark.parametrize("goal", ["nowhere", "link"])
def test_a_broken_symlink_is_refused(tmp_path: Path, goal: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / goal)
    for folder in (tmp_path / "link", tmp_path / "link" / "bundle"):
        with pytest.raises(UsageError, match="broken symbolic link"):
            write(folder, "first")
        assert interrupted(folder) is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_explained(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write(folder, "first")
    with pytest.raises(EdgewiseError, match=r"No space left on device.*free some disk space or choose"):  # noqa: SIM117
        with replacing_folder(folder):
            Path("/dev/full").write_text("too much")
    assert read(folder) == "first"
    assert list(tmp_path.iterdir()) == [folder]


@needs_posix
def test_a_folder_without_write_permission_is_explained(tmp_path: Path) -> None:
    # Root can write everywhere except in the kernel's own file systems.
    parent = Path("/sys") if sys.platform == "linux" and os.geteuid() == 0 else tmp_path
    tmp_path.chmod(0o500)
    with pytest.raises(EdgewiseError, match=rf"cannot be written .*make {parent} writable or choose"):
        write(parent / "bundle", "first")


def test_missing_folders_cannot_be_swapped(tmp_path: Path) -> None:
    skip_without_exchange(tmp_path)
    with pytest.raises(FileNotFoundError):
        _atomic._exchange(tmp_path / "one", tmp_path / "other")


def test_a_foreign_folder_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="not an edgewise bundle"):
        refuse_foreign(tmp_path)
    refuse_foreign(tmp_path / "new")
