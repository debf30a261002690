"""From a network to a file. Every module here without a leading underscore is a target of that name."""

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ..models.errors import UsageError
from ..models.spec import ModelSpec
from ._artifact import Artifact

if TYPE_CHECKING:
    from ._graph import Network


class Exporter(Protocol):
    """What a target's module offers."""

    def export(self, network: "Network", spec: ModelSpec, out: Path) -> Artifact:
        """Write `network` to `out` in float32, taking and giving what `Session` promises."""


def targets() -> tuple[str, ...]:
    """The names that `--to` takes."""
    return tuple(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def exporter(target: str) -> Exporter:
    """The exporter of `target`; an unknown one is a `UsageError`."""
    if target not in targets():
        raise UsageError(f"no target {target!r}: choose from {', '.join(targets())}")
    return cast(Exporter, importlib.import_module(f".{target}", __package__))
