"""Replace folders atomically: they appear complete or not at all, even if the process is killed.

While the folder NAME is being replaced, and after a kill until the next replacement, these exist next to it:

- `.NAME.lock`: locked by the kernel for as long as the writing process lives. Whoever holds the lock knows
  that the other siblings are leftovers, without checking process ids or ages. Writers wait for each other.
- `.NAME.partial`: the new folder, synced to disk before it is moved; after the exchange, the old one.
- `.NAME.old`: the old folder, on systems that need two renames.

The two folders are swapped in one system call: `renameat2(RENAME_EXCHANGE)` on Linux,
`renamex_np(RENAME_SWAP)` on macOS, or a plain rename if NAME does not exist yet. On Windows, and on file
systems that cannot exchange, it takes two renames: NAME to `.NAME.old`, then `.NAME.partial` to NAME. A kill
between them leaves NAME missing and both siblings complete; the next `replacing_folder` moves the new folder
into place, and `interrupted` tells a reader, who changes nothing, where it is.

Anyone may have a folder called `.NAME.old`. Only siblings that provably are leftovers are moved or deleted:
bundles without other files, and folders with the file `.edgewise-unfinished`, which stands in a folder while
it is being written or deleted.
"""

import ctypes
import errno
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...models.errors import EdgewiseError, UsageError
from ...models.files import FULL, delete_folder, read_file, sync

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> bool:
        """Lock an open file without waiting; False if someone else holds it."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
else:
    import fcntl

    def _take(descriptor: int) -> bool:
        """Lock an open file without waiting; False if another process or thread holds it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


MANIFEST = "manifest.json"

_WINDOWS = sys.platform == "win32"
_AT_FDCWD = -100  # linux/fcntl.h
_EXCHANGE = 2  # RENAME_EXCHANGE of linux/fs.h, RENAME_SWAP of macOS sys/stdio.h
# EPERM: what the seccomp filters of containers return for calls that they do not know.
_CANNOT_EXCHANGE = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_CLUTTER = {".DS_Store", "Thumbs.db", "desktop.ini"}  # file managers create these everywhere
_UNFINISHED = ".edgewise-unfinished"
_LOCK_WAIT_S = 60.0
_LOCK_POLL_S = 0.02


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that replaces `path` when the block ends without an exception.

    At any moment `path` is either the complete old folder or the complete new one (see the module docstring
    for file systems that cannot exchange). A symlink is followed: its target is replaced and the link stays.
    After an exception the old folder is unchanged.

    Raises:
        UsageError: `path` is not a bundle, or contains files that are not part of the bundle.
        EdgewiseError: it cannot be written (permissions, full disk), or another process is still writing it.
    """
    with _explained(path):
        real = _real(path)
        _refuse_foreign(real)
        real.parent.mkdir(parents=True, exist_ok=True)
        with _locked(_sibling(real, "lock")):
            _settle(real)
            partial = _sibling(real, "partial")
            if partial.exists() or partial.is_symlink():
                raise UsageError(
                    f"{partial}: was not written by edgewise and is in the way; move it away "
                    "or choose another folder"
                )
            partial.mkdir()
            try:
                (partial / _UNFINISHED).touch()
                yield partial
                _sync_tree(partial)
                _refuse_foreign(real)  # the block may have taken long
                (partial / _UNFINISHED).unlink()
                sync(partial)
                _swap(partial, real)
                sync(real.parent)
            finally:
                _settle(real)


def refuse_foreign(path: Path) -> None:
    """Raise the errors that `replacing_folder` would raise about the present contents of `path`."""
    with _explained(path):
        _refuse_foreign(_real(path))


def interrupted(path: Path) -> Path | None:
    """Where the complete new folder is, if a kill between the two renames left `path` missing."""
    real = Path(os.path.realpath(path))
    old, partial = _sibling(real, "old"), _sibling(real, "partial")
    missing = not os.path.exists(real)
    return partial if missing and _is_bundle(old) and _is_bundle(partial) else None


def _sibling(real: Path, role: str) -> Path:
    return real.with_name(f".{real.name}.{role}")


def _real(path: Path) -> Path:
    """Resolve the symlinks in `path`; a broken one (an unmounted disk, a loop) is an error."""
    if any(step.is_symlink() and not step.exists() for step in (path, *path.parents)):
        raise UsageError(f"{path}: the path contains a broken symbolic link; fix it or choose another folder")
    return path.resolve()


def _refuse_foreign(folder: Path) -> None:
    """Refuse to replace anything but a bundle or an empty folder, because the contents would be deleted."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder}: is a file; choose another folder")
    if Path.cwd().is_relative_to(folder):
        raise UsageError(f"{folder}: is the current folder; run from outside it or choose another folder")
    if not any(folder.iterdir()):
        return
    known = _listed(folder)
    if not known:
        raise UsageError(f"{folder}: is not empty and not an edgewise bundle; choose another folder")
    foreign = _foreign(folder, known)
    if foreign is not None:
        raise UsageError(
            f"{folder}: contains {foreign}, which is not part of the bundle and would be deleted; "
            "move it away or choose another folder"
        )


def _foreign(folder: Path, known: set[str]) -> str | None:
    """A file in `folder` that is not one of the `known` ones."""
    kept = (entry for entry in folder.rglob("*") if entry.is_symlink() or not entry.is_dir())
    names = (entry.relative_to(folder).as_posix() for entry in kept if entry.name not in _CLUTTER)
    return next((name for name in names if name not in known), None)


def _listed(folder: Path) -> set[str]:
    """The files of the bundle in `folder`; empty if it is not a bundle."""
    try:
        manifest = json.loads(read_file(folder / MANIFEST))
        if "schema" not in manifest:
            return set()
        return {MANIFEST, *manifest["files"], *(manifest.get("documents") or ())}
    except (FileNotFoundError, IsADirectoryError, ValueError, RecursionError, KeyError, TypeError):
        return set()


def _is_bundle(folder: Path) -> bool:
    """Whether it is a folder with a complete bundle, and nothing else."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    known = _listed(folder)
    complete = known and all((folder / name).is_file() for name in known)
    return bool(complete) and _foreign(folder, known) is None


def _is_ours(folder: Path) -> bool:
    """Whether a sibling is a leftover of ours, so that deleting it loses nothing."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return (folder / _UNFINISHED).is_file() or not any(folder.iterdir()) or _is_bundle(folder)


def _settle(real: Path) -> None:
    """Finish or undo an interrupted replacement; the lock must be held. What is not ours stays.

    If `.NAME.old` and `.NAME.partial` exist but NAME does not, the run ended between the two renames, when
    the new folder was complete. If only `.NAME.old` exists, both were done, and NAME was deleted later.
    """
    new = interrupted(real)
    if new is not None:
        new.rename(real)
    if _is_ours(_sibling(real, "old")):
        _delete(_sibling(real, "old"))  # must not fail silently: with a new .partial, it looks like a pair
    if _is_ours(_sibling(real, "partial")):
        with suppress(OSError):
            _delete(_sibling(real, "partial"))


def _delete(folder: Path) -> None:
    """Delete a folder of ours, which stays recognisable until nothing else is in it."""
    (folder / _UNFINISHED).touch()
    delete_folder(folder, _UNFINISHED)


def _swap(partial: Path, real: Path) -> None:
    """Move the complete `partial` to `real`; `_settle` deletes what was there."""
    if not real.exists():
        partial.rename(real)
    elif not _exchange(partial, real):
        old = _sibling(real, "old")
        real.rename(old)
        try:
            partial.rename(real)
        except OSError:
            old.rename(real)
            raise


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False if the system or the file system does not support it."""
    if sys.platform == "win32":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if hasattr(libc, "renameat2"):
        failed = libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE)
    elif hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(*names, _EXCHANGE)
    else:
        return False
    number = ctypes.get_errno()
    if failed and number not in _CANNOT_EXCHANGE:
        raise OSError(number, os.strerror(number), str(one), None, str(other))
    return not failed


def _sync_tree(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            sync(Path(parent, name))
        sync(Path(parent))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path` and delete it afterwards; wait up to `_LOCK_WAIT_S` for another holder."""
    deadline = time.monotonic() + _LOCK_WAIT_S
    while (descriptor := _try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise EdgewiseError(
                f"{path}: another process has held this lock for {_LOCK_WAIT_S:.0f} s; "
                "wait until it finishes or choose another folder"
            )
        time.sleep(_LOCK_POLL_S)
    try:
        yield
    finally:
        empty = not os.fstat(descriptor).st_size  # as ours is; someone else's file of that name stays
        if not _WINDOWS and empty:
            path.unlink(missing_ok=True)  # while the lock is still held: see _try_lock
        os.close(descriptor)
        if _WINDOWS and empty:
            with suppress(OSError):  # the next holder already has it open
                path.unlink()


def _try_lock(path: Path) -> int | None:
    """The locked descriptor, or None if someone else holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        # The last holder may have deleted the file after we opened it: an unlinked lock protects nothing.
        if _take(descriptor) and os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
    except FileNotFoundError:
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an `OSError` into an `EdgewiseError` that says how to fix it."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # raised by a library, not by the operating system
            raise
        detail, fix = error.strerror, ""
        if error.errno in FULL:  # its filename may be that of the file being read
            fix = "free some disk space or "
        elif error.filename is not None:
            detail = f"{detail}: {error.filename}"
        if error.errno in _FORBIDDEN:
            fix = f"make {path.parent} writable or "
        raise EdgewiseError(f"{path}: cannot be written ({detail}); {fix}choose another folder") from error
