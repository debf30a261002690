"""Records that come in a file from elsewhere, as the Android app shares them: checked before they are stored.

The types of all fields are those of `Record`, the percentiles those of its own samples, and where it calls
itself trusted our rules find nothing against it; a device may know more reasons than we do.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ...models.errors import EdgewiseError, UsageError
from . import trust
from .record import Record
from .timing import Percentiles, percentiles

_CLOSE = 1e-6  # other languages sum and interpolate in another order
_PLAIN: dict[Any, Callable[[Any], bool]] = {
    float: lambda value: type(value) in {int, float} and math.isfinite(value),
    str: lambda value: (
        isinstance(value, str) and value.replace("\n", " ").isprintable()
    ),  # a terminal shows it
}


def read(path: Path) -> list[Record]:
    """The records of a file: one as JSON, or several as `edgewise bench --json` prints them.

    Raises:
        UsageError: the file is not there, or holds no records.
        EdgewiseError: it cannot be read, or a record is damaged or contradicts itself.
    """
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(f"{path}: no such file; name a record that the app shared") from error
    except (OSError, ValueError, RecursionError) as error:
        raise EdgewiseError(f"{path}: cannot be read ({error}); share the record again") from error
    found = document.get("records", [document]) if isinstance(document, dict) else None
    if not isinstance(found, list) or not found:
        raise UsageError(f"{path}: holds no records; name what the app or `edgewise bench --json` wrote")
    try:
        return [_checked(plain) for plain in found]
    except (EdgewiseError, ValueError) as error:
        raise EdgewiseError(f"{path}: {error}; measure again and share that") from error


def _checked(plain: Any) -> Record:
    """A record from plain data, once nothing in it is wrong.

    Raises:
        EdgewiseError, ValueError: something is.
    """
    if not isinstance(plain, dict):
        raise EdgewiseError(f"no record of a latency but a {type(plain).__name__}")
    record = Record.from_json(plain)
    for name, hint in get_type_hints(Record).items():
        if not _fits(getattr(record, name), hint):
            raise EdgewiseError(f"no record of a latency: {name!r} holds what it cannot")
    datetime.fromisoformat(record.started)
    for name, told, samples in (
        ("summary", record.summary, record.samples_ms),
        ("end_to_end", record.end_to_end, record.end_to_end_ms),
    ):
        if not _same(told, percentiles(samples) if samples else None):
            raise EdgewiseError(f"its {name!r} is not that of its samples")
    if record.verdict.trusted and (reasons := trust.judge(record).reasons):
        raise EdgewiseError(f"it calls itself trusted, but {reasons[0]}")
    return record


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value read from JSON is of the type that a field of a record has."""
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
