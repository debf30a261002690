"""A loaded network and its description."""

from dataclasses import dataclass
from typing import Any

from .spec import ModelSpec


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Model:
    """A network in evaluation mode with its weights; `record` is the training record of an edgewise file.

    `network` is a torch module, (N, C, H, W) float32 to (N, classes), or a `KerasNetwork`. `notices` are the
    assumptions that were made about it, one sentence each.
    """

    network: Any
    spec: ModelSpec
    record: dict[str, Any] | None = None
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        spec, (height, width, channels) = self.spec, self.spec.preprocess.shape
        pixels = f"{height} x {width}{' grey' if channels == 1 else ''} pixels"
        found = f"{pixels}, {len(spec.labels)} classes, {spec.origin.description}"
        return f"<Model {spec.name}: {found}>"
