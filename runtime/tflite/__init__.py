"""TFLite, for LiteRT."""

from .metadata import files_beside
from .session import (
    caveat,
    open_exact,
    open_reference,
    open_session,
    open_shared,
    read_structure,
    version,
    watch,
)

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
