"""OpenVINO IR."""

from .session import (
    caveat,
    files_beside,
    open_exact,
    open_reference,
    open_session,
    open_shared,
    read_structure,
    version,
)
from .watch import watch

__all__ = [
    "caveat",
    "files_beside",
    "open_exact",
    "open_reference",
    "open_session",
    "open_shared",
    "read_structure",
    "version",
    "watch",
]
