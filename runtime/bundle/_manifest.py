"""A bundle's manifest is read as if an enemy had written it: every value checked before it is used."""

import json
import os
import re
from pathlib import Path
from typing import Any, TypeVar

from ...models.errors import EdgewiseError, UsageError
from ...models.images import sha256_of
from .atomic import MANIFEST

SCHEMA = 1
MEND = "copy the bundle again or export it anew"
# No drive, no backslash, no part that starts with a dot: '..' climbs out of the folder.
PLAIN = re.compile(r"[\w+-][\w.+-]*(/[\w+-][\w.+-]*)*")
_T = TypeVar("_T")


def read(folder: Path) -> dict[str, Any]:
    """The content of a manifest of this schema, otherwise unchecked."""
    if not os.path.exists(folder):
        raise UsageError(f"{folder}: no such bundle; `edgewise export` makes one")
    if not os.path.isdir(folder):
        raise UsageError(f"{folder}: is a file; name the bundle's folder")
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise UsageError(
            f"{folder}: holds no {MANIFEST}; name a folder that `edgewise export` made"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise EdgewiseError(f"{folder}: {MANIFEST} cannot be read ({error}); {MEND}") from error
    schema = manifest.get("schema") if isinstance(manifest, dict) else None
    if type(schema) is not int or schema < 1:
        raise UsageError(
            f"{folder}: {MANIFEST} is none of edgewise's; name a folder that `edgewise export` made"
        )
    if schema > SCHEMA:
        raise EdgewiseError(
            f"{folder}: a newer edgewise wrote it (schema {schema}, this one reads {SCHEMA}); "
            "run: pip install --upgrade edgewise"
        )
    return dict(manifest)


def check_file(folder: Path, name: str, entry: dict[str, Any]) -> None:
    path, size_bytes = folder / name, typed(entry, "size_bytes", int)
    try:
        if not path.is_file():
            raise EdgewiseError(f"{name} is missing")
        if path.stat().st_size != size_bytes:
            raise EdgewiseError(f"{name} has {path.stat().st_size} bytes instead of {size_bytes}")
        if sha256_of(path) != typed(entry, "sha256", str):
            raise EdgewiseError(f"{name} is damaged: its sha256 is not the manifest's")
    except OSError as error:
        raise EdgewiseError(f"{name} cannot be read ({error.strerror})") from error


def typed(data: dict[str, Any], key: str, kind: type[_T]) -> _T:
    value = data.get(key)
    if not isinstance(value, kind):
        raise EdgewiseError(f"{MANIFEST}: {key!r} is {type(value).__name__} instead of {kind.__name__}")
    return value


def optional(data: dict[str, Any], key: str, kind: type[_T]) -> _T | None:
    return None if data.get(key) is None else typed(data, key, kind)


def choice(data: dict[str, Any], key: str, known: tuple[str, ...]) -> str:
    value = typed(data, key, str)
    if value not in known:
        raise EdgewiseError(f"{MANIFEST}: {key!r} is {value!r}, not one of {', '.join(known)}")
    return value
