"""From a float file to an INT8 file. Every target of `export` has a module of the same name here."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ..export import targets
from ..export._artifact import Artifact
from ..models.errors import EdgewiseError
from ._calibration import Calibration

if TYPE_CHECKING:
    from ._refine import Refined


class Quantizer(Protocol):
    """What a target's module offers."""

    def quantize(
        self, artifact: Artifact, refined: "Refined", calibration: Calibration, io: str, out: Path
    ) -> Artifact:
        """Write the INT8 form of `artifact`, with the refined weights, to `out`; `io` types its ends."""


def quantizer(target: str) -> Quantizer:
    """The quantizer of `target`."""
    if target not in targets():
        raise EdgewiseError(f"{target} has no quantizer: add quantize/{target}.py")
    return cast(Quantizer, importlib.import_module(f".{target}", __package__))
