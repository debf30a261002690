"""Where networks come from. Every module here is a library of that name, as `timm` in `timm:resnet18`.

A library builds its networks and knows what was published for them: weights, preprocessing, classes.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

if TYPE_CHECKING:
    from torch import nn

    from ..spec import Preprocess

Options: TypeAlias = Mapping[str, Any]  # further arguments of a builder, like a width multiplier


@dataclass(frozen=True, slots=True)
class Published:
    """Weights for the thousand classes of ImageNet that can be downloaded.

    `sha256` is what the digest of the file begins with, or '' where the library does not say; `preprocess` is
    what the network, as `Library.build` makes it, was judged with.
    """

    description: str
    url: str
    sha256: str
    preprocess: "Preprocess"


class Library(Protocol):
    """What a module of this folder offers. `builder` is the library's own name of a network."""

    def names(self) -> list[str]:
        """All that it can build, sorted."""

    def build(self, builder: str, classes: int, options: Options) -> "nn.Module":
        """A network in evaluation mode, (N, 3, S, S) float32 to (N, classes) logits, with random weights.

        Raises:
            MissingDependencyError: the library is not installed.
            UsageError: it has no such network.
        """

    def preprocess(self, builder: str) -> "Preprocess":
        """How pictures are made for the network, whoever trains it; raises like `build`."""

    def published(self, builder: str, options: Options) -> Published | None:
        """The weights that the library recommends, if it has any; raises like `build`."""


def libraries() -> tuple[str, ...]:
    """The names of all libraries."""
    return tuple(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def library(name: str) -> Library:
    """One of `libraries()`."""
    return cast(Library, importlib.import_module(f".{name}", __package__))
