"""Edgewise for a device, as one zip archive: the very modules that run here, and nothing to install there."""

import io
import zipfile
from functools import cache
from pathlib import Path

NAME = "edgewise.zip"

_ROOT = Path(__file__).parents[2]
# A device runs what lies in runtime/, which imports from its left. No list of modules that could grow old:
# all of it is a quarter of a megabyte, and what would need torch is never imported there.
_FOLDERS = ("models", "export", "runtime")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same modules give the same bytes


@cache
def package() -> bytes:
    """The archive, for PYTHONPATH."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        # Python 3.11 finds a package without __init__ only where the archive lists its folder.
        archive.writestr(zipfile.ZipInfo("edgewise/", _EPOCH), b"")
        for folder in _FOLDERS:
            for path in sorted((_ROOT / folder).rglob("*.py")):
                entry = zipfile.ZipInfo(f"edgewise/{path.relative_to(_ROOT).as_posix()}", _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()
