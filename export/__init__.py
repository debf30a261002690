"""Export a network to a model file: each package in this folder is the target of that name."""

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ..models.errors import unknown
from ..models.spec import ModelSpec
from .artifact import Artifact

if TYPE_CHECKING:
    from ..models.foreign.keras import KerasNetwork
    from .graph import Network


_ALIASES = {"litert": "tflite", "ov": "openvino"}


class Exporter(Protocol):
    """The interface of a target's package."""

    def export(self, network: "Network | KerasNetwork", spec: ModelSpec, out: Path) -> Artifact:
        """Write `network` to `out` in float32, with the inputs and outputs that `Session` documents."""


def targets() -> tuple[str, ...]:
    """The names that `--to` takes."""
    return tuple(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def chosen(names: str) -> tuple[str, ...]:
    """Parse a list of targets such as 'onnx,litert', or 'all'; an unknown name raises `UsageError`."""
    if names.strip().lower() == "all":
        return targets()
    wanted = [name.strip().lower() for name in names.split(",")]
    wanted = list(dict.fromkeys(_ALIASES.get(name, name) for name in wanted))
    for name in wanted:
        if name not in targets():
            raise unknown("target", name, (*targets(), "all"))
    return tuple(wanted)


def exporter(target: str) -> Exporter:
    """The exporter of one of `targets()`."""
    return cast(Exporter, importlib.import_module(f".{target}", __package__))
