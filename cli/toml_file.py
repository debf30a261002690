"""Read a TOML file that knows the line of each key.

The standard library's parser keeps no positions, and neither does tomlkit (its issue 55). But a statement of
TOML ends where what was read of it parses for the first time, so positions need no parser of our own.
"""

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from ..models.errors import UsageError
from ..models.files import read_file
from ..pipeline.checks import MOST_BYTES_OF_PIPELINE

_Path: TypeAlias = tuple[str | int, ...]
_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True)
class TomlFile:
    """A file with its bytes and what they say."""

    path: Path
    content: bytes
    values: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "TomlFile":
        """Read and parse it.

        Raises:
            UsageError: it cannot be read, is too large, or is not valid TOML.
        """
        try:
            content = read_file(path, MOST_BYTES_OF_PIPELINE)
            text = _text(content)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}; pass a file in TOML") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{path}: is not text in UTF-8; save it as UTF-8") from error
        try:
            return cls(path, content, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            found = _PLACE.search(str(error))
            line = found[1] if found and found[1] else [first for first, *_ in _statements(text)][-1]
            raise UsageError(f"{path}:{line}: not valid TOML: {_PLACE.sub('', str(error))}") from error
        except RecursionError as error:
            raise UsageError(f"{path}: is nested too deeply; write a flat list of steps") from error

    def line(self, *path: str | int) -> int:
        """The line of a key, such as ("steps", 0, "run"), or of the nearest that it lies in."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    @cached_property
    def _lines(self) -> dict[_Path, int]:
        found: dict[_Path, int] = {}
        table: _Path = ()
        counts: dict[_Path, int] = {}  # the tables that each array has so far
        for line, is_heading, values in _statements(_text(self.content)):
            if is_heading:
                table = _headed(values, counts)
            for path in [table] if is_heading else [(*table, key) for key in values]:
                found.setdefault(path, line)
        return found


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig").replace("\r\n", "\n")


def _statements(text: str) -> Iterator[tuple[int, bool, dict[str, Any]]]:
    """Each heading and each `key = value` alone, with its first line; one that does not end says nothing."""
    begun: list[str] = []
    for number, line in enumerate((*text.split("\n"), None), 1):
        if not begun and (not line or not line.strip() or line.lstrip().startswith("#")):
            continue
        first, is_heading = number - len(begun), (begun or [line or ""])[0].lstrip().startswith("[")
        if line is None:
            yield first, is_heading, {}
            return
        begun.append(line)
        with suppress(tomllib.TOMLDecodeError, RecursionError):
            yield first, is_heading, tomllib.loads("\n".join(begun))
            begun = []


def _headed(values: dict[str, Any], counts: dict[_Path, int]) -> _Path:
    """The table that a heading opens: in an array of tables, its last one."""
    path: _Path = ()
    while values:
        ((key, inner),) = values.items()
        path = (*path, key)
        if isinstance(inner, list):
            counts[path] = counts.get(path, -1) + 1
            inner = inner[0]
        if path in counts:
            path = (*path, counts[path])
        values = inner
    return path
