"""The sources of networks. Every module here is the library of that name, such as `timm` in `timm:resnet18`.

A library builds its networks and knows their published weights and preprocessing.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

if TYPE_CHECKING:
    from torch import nn

    from ..spec import Preprocess

Options: TypeAlias = Mapping[str, Any]  # extra arguments for a builder, such as a width multiplier


@dataclass(frozen=True, slots=True)
class Published:
    """Downloadable weights for the 1000 ImageNet classes.

    `sha256` is the start of the file's digest, or '' if the library does not publish one; `preprocess` is the
    one that the network from `Library.build` was evaluated with.
    """

    description: str
    url: str
    sha256: str
    preprocess: "Preprocess"


class Library(Protocol):
    """The interface of the modules in this folder. `builder` is the library's own name for a network."""

    def names(self) -> list[str]:
        """The names of all networks that it can build, sorted."""

    def build(self, builder: str, classes: int, options: Options) -> "nn.Module":
        """Build a network in evaluation mode, (N, C, H, W) float32 to (N, classes) logits; random weights.

        Raises:
            MissingDependencyError: the library is not installed.
            UsageError: it has no such network.
        """

    def preprocess(self, builder: str) -> "Preprocess":
        """The default preprocessing for the network; raises like `build`."""

    def published(self, builder: str, options: Options) -> Published | None:
        """The weights that the library recommends, or None; raises like `build`."""


def libraries() -> tuple[str, ...]:
    """The names of all libraries."""
    return tuple(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def library(name: str) -> Library:
    """The library with one of the names from `libraries()`."""
    return cast(Library, importlib.import_module(f".{name}", __package__))
