"""Write a file so that it appears complete or not at all, even if the process is killed. Needs no torch."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WINDOWS = sys.platform == "win32"


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield `.NAME.partial` next to `path` to write to; it replaces `path` once the block ends.

    The content is on disk before the file gets its name. If the block raises, `path` stays as it was and the
    partial file is deleted; after a kill it remains, and the next attempt overwrites it.

    Raises:
        OSError: the file cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        sync(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_file(path: Path, content: bytes) -> None:
    """Write `content` to `path`, as `replacing_file` does."""
    with replacing_file(path) as partial:
        partial.write_bytes(content)


def sync(path: Path) -> None:
    """Flush a file's bytes or a folder's entries to disk."""
    if _WINDOWS and path.is_dir():
        return  # Windows cannot open folders
    descriptor = os.open(path, os.O_RDWR if _WINDOWS else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
