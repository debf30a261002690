"""A network with its weights, and what it is: what everything is made from."""

from dataclasses import dataclass
from typing import Any

from .spec import ModelSpec


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A network in evaluation mode with its weights; `record` is the training record of our own files.

    `network` is a module of torch, (N, 3, S, S) float32 to (N, classes), or a `KerasNetwork`.
    """

    network: Any
    spec: ModelSpec
    record: dict[str, Any] | None = None
