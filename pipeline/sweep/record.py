"""The record of a sweep as a file: `--scorecard` writes it; `--against` and `recommend` read it.

It may come from another machine or version, so it is read as untrusted input.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...models.errors import EdgewiseError, UsageError
from ...models.files import read_file, write_file
from ..document import VERSIONS
from .cache import Cache
from .figures import SweepRow
from .keys import address
from .typed import typed

_NAME = "edgewise.sweep"


@dataclass(frozen=True, slots=True)
class SweepMachine:
    """The machine that judged the files: INT8 arithmetic depends on its `isa`."""

    processor: str | None
    isa: str


@dataclass(frozen=True, slots=True)
class SweepRecord:
    """What a record has that others read."""

    schema_version: int
    rows: tuple[SweepRow, ...]
    versions: dict[str, str]
    machine: SweepMachine


def read_record(path: Path) -> SweepRecord:
    """The record in a file.

    Raises:
        UsageError: there is no such file, or it is not the record of a sweep.
        EdgewiseError: it was written by a newer edgewise.
    """
    try:
        found = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: cannot be read ({error}); pass what `edgewise sweep` wrote") from error
    if not isinstance(found, dict) or found.get("schema") != _NAME:
        raise UsageError(
            f"{path}: is not the record of a sweep; pass what `edgewise sweep --scorecard` wrote"
        )
    version = found.get("schema_version")
    if isinstance(version, int) and version > VERSIONS["sweep"]:
        raise EdgewiseError(
            f"{path}: was written by a newer edgewise (schema {version}); update edgewise to read it"
        )
    try:
        return typed(SweepRecord, found, "sweep")
    except UsageError as error:
        raise UsageError(f"{path}: {error}; write it again with `edgewise sweep --scorecard`") from error


def keep_record(cache: Cache, content: dict[str, Any], keys: Iterable[str]) -> None:
    """Keep the document of a sweep in its cache; the same sweep replaces its older one."""
    path = cache.records / f"{address({'keys': sorted(keys)})}.json"
    path.parent.mkdir(exist_ok=True)
    write_file(path, f"{json.dumps(content, indent=1, allow_nan=False)}\n".encode())


def measured_rows(records: Sequence[Path], cache: Cache) -> list[SweepRow]:
    """The rows of some records, or of those in a cache where none are named; of the same file the newest.

    Raises:
        UsageError: a record cannot be read.
    """
    paths = records or _kept(cache)
    found: dict[tuple[object, ...], SweepRow] = {}
    for path in paths:
        for row in read_record(path).rows:
            if row.file is not None:
                pixels, weights = row.file.pixels, row.file.weights_sha256
                found[row.network, row.target, row.requested, pixels, weights] = row
    return [*found.values()]


def _kept(cache: Cache) -> list[Path]:
    """The records in a cache, the newest last."""
    cache.require_ours()
    found = cache.records.glob("*.json") if cache.records.is_dir() else ()
    return sorted(found, key=lambda path: path.stat().st_mtime)
