"""Make a float file smaller. Every target of `export` has a module of the same name here."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ..export import targets
from ..export.artifact import Artifact
from ..models.errors import EdgewiseError
from .calibration import Calibration
from .recipe import Recipe

if TYPE_CHECKING:
    from .refine import Refined


class Quantizer(Protocol):
    """The interface of a target's module."""

    def quantize(
        self,
        artifact: Artifact,
        refined: "Refined | None",
        calibration: Calibration,
        recipe: Recipe,
        out: Path,
    ) -> Artifact:
        """Write `artifact`, with the refined weights if any, to `out`, quantized according to `recipe`."""

    def halve(self, artifact: Artifact, out: Path) -> Artifact:
        """Write `artifact` with its weights in float16 to `out`."""


def quantizer(target: str) -> Quantizer:
    """The quantizer of `target`."""
    if target not in targets():
        raise EdgewiseError(f"{target} has no quantizer: add quantize/{target}.py")
    return cast(Quantizer, importlib.import_module(f".{target}", __package__))
