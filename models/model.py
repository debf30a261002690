"""A loaded network and its description."""

from dataclasses import dataclass
from typing import Any

from .spec import ModelSpec


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A network in evaluation mode with its weights; `record` is the training record of an edgewise file.

    `network` is a torch module, (N, 3, S, S) float32 to (N, classes), or a `KerasNetwork`.
    """

    network: Any
    spec: ModelSpec
    record: dict[str, Any] | None = None
