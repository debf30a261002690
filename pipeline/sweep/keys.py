"""What a file depends on, and so its address in the cache: weights, settings, pictures, versions."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ...export.precision import Precision
from ...models.images import find_images, sha256_of
from ...models.zoo import is_own
from ...runtime import machine
from ..libraries import versions
from ..sources import sources
from .plan import PATHS, SweptNetwork

_PICTURES = ("calib", "data")


def address(material: Mapping[str, Any]) -> str:
    """The SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()


class Keys:
    """Computes keys; a folder of pictures is read once."""

    def __init__(self) -> None:
        self._of_file = cache(_digest)
        self._common = {
            "edgewise": sources(),
            "versions": versions(),
            "isa": machine.isa(),
        }

    def material(self, network: SweptNetwork, target: str, precision: Precision) -> dict[str, Any]:
        """Everything that decides about one file, as plain data.

        Raises:
            EdgewiseError: a file of the settings cannot be read.
        """
        settings = {key: value for key, value in network.settings.items() if key not in ("to", "precision")}
        for key in PATHS:
            if key in settings:
                settings[key] = self._content(str(settings[key]), pictures=key in _PICTURES)
        # JSON has lists alone: the same settings give the same key, wherever they come from.
        plain: dict[str, Any] = json.loads(json.dumps(settings, default=str))
        asked = {"network": self._network(network.name), "target": target, "precision": str(precision)}
        return {**self._common, **asked, "settings": plain}

    def pictures(self, network: SweptNetwork) -> str:
        """What tells whether two accuracies are of the same pictures."""
        found = {key: self._content(str(network.settings.get(key, "")), pictures=True) for key in _PICTURES}
        counts = {key: network.settings.get(key) for key in ("eval_count", "seed", "calib_count")}
        return address({**found, **counts})

    def _network(self, name: str) -> dict[str, str]:
        file = name.rpartition(":")[0] if is_own(name) and not name.endswith(".py") else name
        return {"name": name, "content": self._content(file)}

    def _content(self, path: str, *, pictures: bool = False) -> str:
        """A file or folder by its content, and a name such as 'imagenet' as it is."""
        place = Path(path).expanduser()
        return self._of_file(place, pictures=pictures) if path and place.exists() else path


def _digest(path: Path, *, pictures: bool) -> str:
    """The SHA-256 of a file, or of a folder: the names and contents of what is in it."""
    if path.is_file():
        return sha256_of(path)
    digest = hashlib.sha256()
    for file in sorted(_files(path, pictures=pictures)):
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n".encode())
    return digest.hexdigest()


def _files(folder: Path, *, pictures: bool) -> list[Path]:
    """The pictures in a folder, or all files of a model that is a folder."""
    return find_images(folder) if pictures else [path for path in folder.rglob("*") if path.is_file()]
