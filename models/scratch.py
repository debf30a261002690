"""Temporary folders of this program, of which none stays: those of killed processes are removed later.

A folder is called `edgewise-` and random letters, holds the file `.edgewise-scratch`, and is locked by the
kernel for as long as its process lives. Only folders that this user owns, with that file, without a lock and
at least a minute old are removed. Needs no torch.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

_PREFIX, _MARK = "edgewise-", ".edgewise-scratch"
_OLD_S = 60.0  # a younger one may be about to be locked


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a new temporary folder, which is deleted at the end of the block.

    Raises:
        OSError: there is no place for temporary files.
    """
    _tidy(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / _MARK).touch()
        with _locked(folder):
            yield folder


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
                ours = status.st_uid == os.getuid() and (folder / _MARK).is_file()
                if ours and not folder.is_symlink() and time.time() - status.st_mtime > _OLD_S:
                    with _locked(folder):
                        shutil.rmtree(folder, ignore_errors=True)
