"""Read records from a file, such as those shared by the Android app, and check them before they are stored.

All fields must have the types of `Record`, and the percentiles must match the samples. The verdict is made
again by our rules; a device may have further reasons not to trust its own record.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, is_dataclass, replace
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ...models.errors import EdgewiseError, UsageError
from ...models.files import read_file
from . import trust
from .record import Record, Trust
from .timing import Percentiles, percentiles

_CLOSE = 1e-6  # other languages may sum and interpolate in another order
_PLAIN: dict[Any, Callable[[Any], bool]] = {
    float: lambda value: type(value) in {int, float} and math.isfinite(value),
    str: lambda value: (
        isinstance(value, str) and value.replace("\n", " ").isprintable()
    ),  # it is shown in a terminal
}


def read(path: Path) -> list[Record]:
    """The records in a file: one record as JSON, or the output of `edgewise bench --json`.

    Raises:
        UsageError: the file does not exist, or contains no records.
        EdgewiseError: it cannot be read, or a record is damaged or contradicts itself.
    """
    try:
        document = json.loads(read_file(path))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(f"{path}: no such file; pass a record that the app shared") from error
    except (OSError, ValueError, RecursionError) as error:
        raise EdgewiseError(f"{path}: cannot be read ({error}); share the record again") from error
    found = listed(document)
    if not found:
        raise UsageError(
            f"{path}: contains no records; pass a file written by the app or by `edgewise bench --json`"
        )
    try:
        return [checked(plain) for plain in found]
    except (EdgewiseError, ValueError) as error:
        raise EdgewiseError(f"{path}: {error}; measure again and share the new record") from error


def listed(document: Any) -> list[Any]:
    """The records in a document, unchecked; none if it is something else."""
    found = document.get("records", [document]) if isinstance(document, dict) else None
    return found if isinstance(found, list) else []


def checked(plain: Any) -> Record:
    """Build a record from plain data and check it; its verdict has the device's further reasons first.

    Raises:
        EdgewiseError, ValueError: something in it is wrong.
    """
    if not isinstance(plain, dict):
        raise EdgewiseError(f"not a latency record but a {type(plain).__name__}")
    record = Record.from_json(plain)
    for name, hint in get_type_hints(Record).items():
        if not _fits(getattr(record, name), hint):
            raise EdgewiseError(f"not a latency record: {name!r} has an invalid value")
    datetime.fromisoformat(record.started)
    for name, told, samples in (
        ("summary", record.summary, record.samples_ms),
        ("end_to_end", record.end_to_end, record.end_to_end_ms),
    ):
        if not _same(told, percentiles(samples) if samples else None):
            raise EdgewiseError(f"its {name!r} does not match its samples")
    own, device = trust.judge(record), record.verdict
    reasons = tuple(dict.fromkeys((*device.reasons, *own.reasons)))
    return replace(record, verdict=Trust(device.trusted and own.trusted, reasons, own.unknown))


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value read from JSON has the type of a record's field."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is UnionType:
        return any(_fits(value, one) for one in inner)
    if kind is tuple:
        return isinstance(value, tuple) and all(_fits(one, inner[0]) for one in value)
    if kind is dict:
        return isinstance(value, dict) and all(_fits(one, inner[1]) for one in value.values())
    if is_dataclass(hint):
        hints = get_type_hints(hint).items()
        return type(value) is hint and all(_fits(getattr(value, name), one) for name, one in hints)
    return _PLAIN[hint](value) if hint in _PLAIN else type(value) is hint


def _same(told: Percentiles | None, own: Percentiles | None) -> bool:
    if told is None or own is None:
        return told is own
    pairs = zip(asdict(told).values(), asdict(own).values(), strict=True)
    return all(a == b or (a and b and math.isclose(a, b, rel_tol=_CLOSE)) for a, b in pairs)
