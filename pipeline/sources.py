"""What this edgewise consists of, so that another state of its code counts as another version."""

import hashlib
from functools import cache
from pathlib import Path

from ..models.images import sha256_of
from ..models.weights import BUNDLED

_ROOT = Path(__file__).parents[1]
_SOURCES = ("models", "export", "quantize", "runtime", "pipeline")


@cache
def sources() -> str:
    """The SHA-256 of edgewise itself, whose version alone does not change with every change."""
    digest = hashlib.sha256()
    for path in sorted(
        path for folder in _SOURCES for path in (_ROOT / folder).rglob("*") if path.suffix in {".py", ".j2"}
    ):
        digest.update(path.relative_to(_ROOT).as_posix().encode() + path.read_bytes())
    for path in sorted(BUNDLED.glob("*")):
        digest.update(sha256_of(path).encode())
    return digest.hexdigest()
