"""Temporary folders of this program, of which none stays: those of killed processes are removed later.

A folder is called `edgewise-` and random letters, holds the file `.edgewise-scratch` until nothing else is in
it, and is locked by the kernel for as long as its process lives. Only folders that this user owns, with that
file or empty, without a lock and at least a minute old are removed. Needs no torch.
"""

import errno
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from .errors import EdgewiseError
from .files import FULL, delete_folder, is_full

_PREFIX, _MARK = "edgewise-", ".edgewise-scratch"
_NAME = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}")  # as `tempfile` makes them
_OLD_S = 60.0  # a younger one may be about to be locked
_LITTLE = 1 << 16  # bytes of a full disk that may be left


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a new temporary folder, which is deleted at the end of the block.

    Raises:
        EdgewiseError: there is no place for temporary files, or no room for those of the block.
    """
    try:
        _tidy(tempfile.gettempdir())
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    except OSError as error:
        raise unwritable(error) from error
    try:
        with wanting_room(), _marked(folder):
            yield folder
    finally:
        with suppress(OSError):
            delete_folder(folder, _MARK)


@contextmanager
def _marked(folder: Path) -> Iterator[None]:
    (folder / _MARK).touch()
    with _locked(folder):
        yield


@contextmanager
def wanting_room() -> Iterator[None]:
    """Say so where the block fails because the folder for temporary files is full.

    Libraries say a lot then, but seldom that. What fills the folder must still be there.

    Raises:
        EdgewiseError: that, in place of what the block raised.
    """
    try:
        yield
    except Exception as error:
        place = Path(tempfile.gettempdir())
        if is_full(error, place) and shutil.disk_usage(place).free < _LITTLE:
            raise unwritable(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from error
        raise


def unwritable(error: OSError) -> EdgewiseError:
    """The error about a folder for temporary files that cannot be written or is full."""
    reason, place = error.strerror or str(error), tempfile.tempdir
    if error.errno in FULL and place is not None:
        return EdgewiseError(
            f"{place}: the folder for temporary files is full; free some space, or set TMPDIR to a folder "
            "on another disk"
        )
    return EdgewiseError(
        f"no temporary file can be written ({reason}); set TMPDIR to a folder where that is possible"
    )


if sys.platform == "win32":

    @contextmanager
    def _locked(folder: Path) -> Iterator[None]:
        del folder
        yield

    def _tidy(place: str) -> None:
        """Windows cannot lock folders, so nobody knows whose they are."""
else:
    import fcntl

    @contextmanager
    def _locked(folder: Path) -> Iterator[None]:
        """Hold the lock of a folder; raises a `BlockingIOError` where somebody else does."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(descriptor)

    @cache  # once in a process
    def _tidy(place: str) -> None:
        """Remove what killed processes have left."""
        for folder in Path(place).glob(f"{_PREFIX}*"):
            with suppress(OSError):  # in use, of another user, or already gone
                status = folder.lstat()
                if status.st_uid == os.getuid() and time.time() - status.st_mtime > _OLD_S:
                    with _locked(folder):
                        if _is_ours(folder):
                            delete_folder(folder, _MARK)

    def _is_ours(folder: Path) -> bool:
        """Whether it has our mark; one that is empty has it not yet or no longer."""
        if (folder / _MARK).is_file():
            return True
        private = stat.S_IMODE(folder.stat().st_mode) == 0o700
        return private and bool(_NAME.fullmatch(folder.name)) and not any(folder.iterdir())
