"""The files that an exporter or a quantizer writes, and how they are named. Does not need torch."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..models.spec import ModelSpec
from .facts import TARGETS
from .precision import Precision

IOS = tuple(dict.fromkeys(io for row in TARGETS.values() for io in row.ios))


@dataclass(frozen=True, slots=True)
class Artifact:
    """One model; `io` is one of `IOS`; `details` go into the manifest."""

    path: Path
    target: str
    precision: Precision
    io: str
    spec: ModelSpec
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """The file's name in a bundle: 'mobilenetv2-w8a8.tflite'."""
        return next(iter(self.files))

    @property
    def files(self) -> dict[str, Path]:
        """All files of the model by their names in a bundle; the first is the one to open."""
        stem = f"{file_stem(self.spec.name)}-{self.precision}"
        return {f"{stem}{path.suffix}": path for path in model_files(self.path)}

    @property
    def bundle_name(self) -> str:
        """The default name of its bundle."""
        return bundle_name(self.spec.name, self.target, self.precision)


def bundle_name(name: str, target: str, precision: str) -> str:
    """The default name of a bundle: 'mobilenetv2-tflite-w8a8'."""
    return f"{file_stem(name)}-{target}-{precision}"


def file_stem(name: str) -> str:
    """A model's name as a file stem: 'timm:vit_tiny' becomes 'timm-vit_tiny', 'my/net.py:a' is 'net-a'."""
    last = re.split(r"[/\\]", name)[-1].replace(".py:", "-")
    return re.sub(r"[^\w.+-]+", "-", last).strip("-.") or "model"


def model_files(path: Path) -> tuple[Path, ...]:
    """All files of the model at `path`: OpenVINO keeps the weights of an .xml in a .bin next to it."""
    second = next((row.weights_suffix for row in TARGETS.values() if row.suffix == path.suffix), None)
    return (path, path.with_suffix(second)) if second else (path,)
