"""Tables as CSV: one row for each object of a dataclass whose fields are text or numbers. Needs no torch."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from .errors import EdgewiseError
from .files import read_file
from .printable import printable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Row = TypeVar("Row", bound=DataclassInstance)


def to_csv(kind: "type[Row]", rows: "Iterable[Row]") -> bytes:
    """A table with a heading, in UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, rows))
    return text.getvalue().encode("utf-8", "replace")


def from_csv(kind: "type[Row]", path: Path, fix: str) -> "list[Row]":
    """The rows of such a table; see `rows_of`."""
    return [kind(**row) for row in rows_of(path, get_type_hints(kind), fix)]


def rows_of(path: Path, columns: Mapping[str, type], fix: str) -> list[dict[str, Any]]:
    """The columns of a table, text without control characters; no rows if the file is not there.

    Raises:
        EdgewiseError: it has no such columns, or a number is not finite; `fix` says what to do.
    """
    if not path.is_file():
        return []
    try:
        lines = csv.DictReader(io.StringIO(read_file(path).decode("utf-8"), newline=""))
        return [{name: _value(kind, line[name]) for name, kind in columns.items()} for line in lines]
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        said = f"no column {error}" if isinstance(error, KeyError) else f"{error}"
        raise EdgewiseError(f"{path}: cannot be read as a table ({said}); {fix}") from error


def _value(kind: type, text: str) -> Any:
    if kind is str:
        return printable(text)
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not a finite number")
    return number
