"""Write a file so that it appears complete or not at all, even if the process is killed; read one that ends.

Needs no torch.
"""

import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import EdgewiseError

_WINDOWS = sys.platform == "win32"
_MOST_BYTES = 64 << 20  # of a file of text
_LITTLE = 1 << 16  # bytes: with so few left, a library that failed could not write
FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield `.NAME.partial` next to `path` to write to; it replaces `path` once the block ends.

    The content is on disk before the file gets its name. If the block raises, `path` stays as it was and the
    partial file is deleted; after a kill it remains, and the next attempt overwrites it.

    Raises:
        OSError: the file, which it names, cannot be written.
    """
    partial = partial_of(path)
    try:
        yield partial
        sync(partial)
        partial.replace(path)
    except BaseException as error:
        full = is_full(error, path.parent)  # before what fills the disk is deleted
        with suppress(OSError):  # of a disk that cannot be written any more
            partial.unlink(missing_ok=True)
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


def is_full(error: BaseException, place: Path) -> bool:
    """Whether something that failed while it wrote to the folder `place` failed for want of room.

    Libraries say a lot then, but seldom that. Errors of ours about something else are not meant.
    """
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError) and error.errno is not None:
        lies_there = error.filename is None or place in Path(os.fsdecode(error.filename)).parents
        return error.errno in FULL and lies_there
    if not isinstance(error, Exception) or isinstance(error, EdgewiseError):
        return False
    return place.is_dir() and shutil.disk_usage(place).free < _LITTLE


def partial_of(path: Path) -> Path:
    """Where `path` is written to; after a kill it stays until the next attempt."""
    return path.with_name(f".{path.name}.partial")


def write_file(path: Path, content: bytes) -> None:
    """Write `content` to `path`, as `replacing_file` does."""
    with replacing_file(path) as partial:
        partial.write_bytes(content)


def read_file(path: Path, most_bytes: int = _MOST_BYTES) -> bytes:
    """The whole content of a file that ends: a pipe or a device may not.

    Raises:
        OSError: it cannot be read, is a pipe or a device, or has more than `most_bytes`.
    """
    require_regular(path)
    if path.stat().st_size > most_bytes:
        raise OSError(errno.EFBIG, f"it has more than {most_bytes / (1 << 20):,.0f} MiB", str(path))
    return path.read_bytes()


def require_regular(path: Path) -> None:
    """Raise an `OSError` where there is a pipe or a device."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def cache_folder() -> Path:
    """Where this program keeps what it can make again, for this user; it need not exist.

    It is in XDG_CACHE_HOME where that is set, otherwise in the system's place for caches.
    """
    if wanted := os.environ.get("XDG_CACHE_HOME"):
        place = Path(wanted)
    elif _WINDOWS:
        place = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        place = Path.home() / "Library" / "Caches"
    else:
        place = Path.home() / ".cache"
    return place / "edgewise"


def delete_folder(folder: Path, mark: str) -> None:
    """Delete a folder of ours. Its file `mark` goes last, so that after a kill it is still known as ours.

    Raises:
        OSError: something in it cannot be deleted; then the mark stays.
    """
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != mark:
            entry.unlink()
    (folder / mark).unlink(missing_ok=True)
    folder.rmdir()


def sync(path: Path) -> None:
    """Flush a file's bytes or a folder's entries to disk."""
    if _WINDOWS and path.is_dir():
        return  # Windows cannot open folders
    descriptor = os.open(path, os.O_RDWR if _WINDOWS else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
