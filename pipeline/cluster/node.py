"""What runs on a node of a cluster before any work does: is edgewise the same there, and are the files?"""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from ...models.errors import EdgewiseError
from ...models.images import sha256_of
from ...runtime import machine
from ..libraries import versions
from ..sources import sources

_SHORT = 12  # characters of a digest that tell two apart
_CODE = "the code of edgewise"


@dataclass(frozen=True, slots=True)
class Needed:
    """What a node must have: the same `installation`, and the same `files` and `folders` by their digests.

    A folder's digest is that of the names and sizes of all files in it. With `shared`, the node must be able
    to write into this folder what the others see there.
    """

    installation: Mapping[str, str]
    files: Mapping[Path, str] = field(default_factory=dict)
    folders: Mapping[Path, str] = field(default_factory=dict)
    shared: Path | None = None


def installation() -> dict[str, str]:
    """All of this installation and of its processor that results may depend on."""
    own = {"Python": platform.python_version(), _CODE: sources()[:_SHORT], "instruction set": machine.isa()}
    return own | versions()


def needed(paths: tuple[Path, ...], shared: Path | None = None) -> Needed:
    """The same as here, and these files and folders."""
    files = {path: sha256_of(path) for path in paths if path.is_file()}
    folders = {path: _listing(path) for path in paths if path.is_dir()}
    return Needed(installation(), files, folders, shared)


def answer(asked: Needed) -> tuple[list[str], str | None]:
    """What is wrong with this node, and the name of the file that it has written into the shared folder."""
    wrong, name = [*_wrong(asked)], None
    if asked.shared is not None:
        name = uuid4().hex
        try:
            (asked.shared / name).touch()
        except OSError as error:
            wrong.append(f"cannot write into {asked.shared} ({error.strerror})")
    return wrong, name


def require_same(asked: Needed) -> None:
    """Raise an `EdgewiseError` where a node that came later is not as all others."""
    if wrong := _wrong(asked):
        raise EdgewiseError(f"node {platform.node()} {wrong[0]}")


def _wrong(asked: Needed) -> list[str]:
    own = installation()
    found = []
    for name in dict.fromkeys([*asked.installation, *own]):
        here, there = own.get(name), asked.installation.get(name)
        if here != there:
            found.append(f"has {_said(name, here)}, not {_said(name, there)}")
    for path, digest in asked.folders.items():
        if not path.is_dir():
            found.append(f"does not see the folder {path}")
        elif _listing(path) != digest:
            found.append(f"has other files in {path}")
    for path, digest in asked.files.items():
        if not path.is_file():
            found.append(f"does not see {path}")
        elif sha256_of(path) != digest:
            found.append(f"has another {path}")
    return found


def _listing(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    told = [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in files]
    return hashlib.sha256(repr(told).encode("utf-8", "surrogateescape")).hexdigest()


def _said(name: str, version: str | None) -> str:
    return f"no {name}" if version is None else f"{name} {version}"
