"""Read a bundle's manifest. It is untrusted input, so every value is checked before it is used."""

import json
import os
import re
from pathlib import Path
from typing import Any, TypeVar

from ...models.errors import EdgewiseError, UsageError
from ...models.files import read_file
from ...models.images import sha256_of
from .atomic import MANIFEST, interrupted

SCHEMA = 1
HINT = "copy or export the bundle again"
# No drive, no backslash, no part that starts with a dot: '..' would leave the folder.
PLAIN = re.compile(r"[\w+-][\w.+-]*(/[\w+-][\w.+-]*)*")
_T = TypeVar("_T")


def read(folder: Path) -> dict[str, Any]:
    """Parse the manifest and check its schema version, but nothing else."""
    if not os.path.exists(folder):
        if complete := interrupted(folder):
            raise UsageError(
                f"{folder}: is missing, because replacing it was interrupted; the new bundle is complete: "
                f"rename {complete} to {folder.name}, or export it again"
            )
        raise UsageError(f"{folder}: no such bundle; create one with `edgewise export`")
    if not os.path.isdir(folder):
        raise UsageError(f"{folder}: is a file; pass the bundle's folder")
    try:
        manifest = json.loads(
            read_file(folder / MANIFEST), object_pairs_hook=_once, parse_constant=_refuse_constant
        )
    except FileNotFoundError as error:
        raise UsageError(
            f"{folder}: contains no {MANIFEST}; pass a folder written by `edgewise export`"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise EdgewiseError(f"{folder}: {MANIFEST} cannot be read ({error}); {HINT}") from error
    schema = manifest.get("schema") if isinstance(manifest, dict) else None
    if type(schema) is not int or schema < 1:
        raise UsageError(
            f"{folder}: {MANIFEST} was not written by edgewise; pass a folder written by `edgewise export`"
        )
    if schema > SCHEMA:
        raise EdgewiseError(
            f"{folder}: was written by a newer edgewise (schema {schema}, this version reads {SCHEMA}); "
            "update edgewise to read it"
        )
    return dict(manifest)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ: of two values, each reader would believe another one."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        raise ValueError(f"{twice!r} stands there twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def check_file(folder: Path, name: str, entry: dict[str, Any]) -> None:
    path, size_bytes = folder / name, typed(entry, "size_bytes", int)
    try:
        if not path.is_file():
            raise EdgewiseError(f"{name} is missing")
        if path.stat().st_size != size_bytes:
            raise EdgewiseError(f"{name} has {path.stat().st_size} bytes instead of {size_bytes}")
        if sha256_of(path) != typed(entry, "sha256", str):
            raise EdgewiseError(f"{name} is damaged: it does not match the manifest's SHA-256")
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
