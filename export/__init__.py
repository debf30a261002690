"""Export a network to a model file: each package in this folder is a target, described in `facts`."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ..models.errors import unknown
from ..models.spec import ModelSpec
from .artifact import Artifact
from .facts import TARGETS

if TYPE_CHECKING:
    from ..models.foreign.keras import KerasNetwork
    from .graph import Network


class Exporter(Protocol):
    """The interface of a target's package."""

    def export(self, network: "Network | KerasNetwork", spec: ModelSpec, out: Path) -> Artifact:
        """Write `network` to `out` in float32, with the inputs and outputs that `Session` documents."""


def targets() -> tuple[str, ...]:
    """The names that `--to` takes."""
    return tuple(TARGETS)


def chosen(names: str) -> tuple[str, ...]:
    """Parse a list of targets such as 'onnx,litert', or 'all'; an unknown name raises `UsageError`."""
    if names.strip().lower() == "all":
        return targets()
    wanted = [name.strip().lower() for name in names.split(",")]
    aliases = {alias: row.name for row in TARGETS.values() for alias in row.aliases}
    wanted = list(dict.fromkeys(aliases.get(name, name) for name in wanted))
    for name in wanted:
        if name not in targets():
            raise unknown("target", name, (*targets(), "all"))
    return tuple(wanted)


def exporter(target: str) -> Exporter:
    """The exporter of one of `targets()`."""
    return cast(Exporter, importlib.import_module(f".{target}", __package__))
