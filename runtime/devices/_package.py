"""Edgewise for a device as one zip archive: the same modules as here, with nothing to install."""

import io
import zipfile
from functools import cache
from pathlib import Path

NAME = "edgewise.zip"

_ROOT = Path(__file__).parents[2]
# A device runs runtime/ and what it imports. All modules are included, 0.4 MB, instead of a list that could
# get out of date; those that need torch are never imported there.
_FOLDERS = ("models", "export", "runtime")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # so that the same modules give the same bytes


@cache
def package() -> bytes:
    """The archive, for PYTHONPATH."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        # Python 3.11 finds a package without __init__ only if the archive contains its folder.
        archive.writestr(zipfile.ZipInfo("edgewise/", _EPOCH), b"")
        for folder in _FOLDERS:
            for path in sorted((_ROOT / folder).rglob("*.py")):
                entry = zipfile.ZipInfo(f"edgewise/{path.relative_to(_ROOT).as_posix()}", _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()
