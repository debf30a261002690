"""Mistakes that names and files give away: reported at once, before anything heavy is imported."""

import os
from pathlib import Path

from ..models.errors import EdgewiseError, UsageError

MOST_BYTES_OF_PIPELINE = 64 << 10  # of a pipeline file, wherever it is read


def require_folder(path: Path, what: str) -> None:
    """Raise a `UsageError` where `path` is not a folder that can be read."""
    try:
        os.scandir(path).close()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; pass {what}") from error


def require_writable(folder: Path) -> None:
    """Raise an `EdgewiseError` where `folder` could not be created, or nothing be written to it.

    Nothing is created: what counts is the nearest folder above that exists.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise EdgewiseError(f"{folder}: cannot be created, because {there} is a file; choose another folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise EdgewiseError(
            f"{folder}: cannot be written, because {there} is not writable; choose another folder"
        )
