"""A network with its weights, and what it is: what everything is made from."""

from dataclasses import dataclass
from typing import Any

from .spec import ModelSpec


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Model:
    """A network in evaluation mode with its weights; `record` is the training record of our own files.

    `network` is a module of torch, (N, 3, S, S) float32 to (N, classes), or a `KerasNetwork`. `notices` say
    what had to be assumed of it, one sentence each.
    """

    network: Any
    spec: ModelSpec
    record: dict[str, Any] | None = None
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        spec, size = self.spec, self.spec.preprocess.size
        found = f"{size} x {size} pixels, {len(spec.labels)} classes, {spec.origin.description}"
        return f"<Model {spec.name}: {found}>"
