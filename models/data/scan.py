"""Decodes every picture once before training, so that a damaged one does not end it hours later."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .._decode import decode, reason
from ..files import read_file
from ..images import MOST_BYTES
from .threads import in_threads


@dataclass(frozen=True, slots=True)
class Scanned:
    """A picture file and its class; `digest` is the sha256 of its bytes, `fault` why it is unreadable."""

    path: Path
    label: int
    digest: bytes = b""
    kinds: tuple[str, ...] = ()
    fault: str | None = None


def scan(files: Sequence[tuple[Path, int]], progress: Callable[[int, int], None]) -> list[Scanned]:
    """Decode every file in parallel."""
    return in_threads(_scan, files, progress)


def _scan(file: tuple[Path, int]) -> Scanned:
    path, label = file
    try:
        content = read_file(path, MOST_BYTES)
        kinds = decode(content, lambda _, kinds: kinds)
    except Exception as error:  # noqa: BLE001 - decoders raise almost anything on a damaged file
        return Scanned(path, label, fault=reason(error))
    return Scanned(path, label, hashlib.sha256(content).digest(), kinds)
