"""The architectures with their published figures. Imports torch only to build one."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ._zoo_rows import ROWS
from .errors import UsageError
from .libraries import Published, libraries, library
from .libraries.names import fold, pick
from .sizes import Size

if TYPE_CHECKING:
    from torch import nn

    from .spec import Preprocess


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network that edgewise trains and exports: `builder` of a `library` with extra `options`.

    Published figures, for the 1000 ImageNet classes and one picture of `size`, are None if unknown:
    the `year`, the `paper`'s arXiv id, `parameters`, `macs` (multiply-accumulates), `top1` in percent.
    """

    name: str
    title: str
    library: str
    builder: str
    options: tuple[tuple[str, Any], ...] = ()
    size: Size = 224
    year: int | None = None
    paper: str | None = None
    parameters: float | None = None
    macs: float | None = None
    top1: float | None = None


@cache
def architectures() -> tuple[Architecture, ...]:
    """All architectures, in the order of the table."""
    return tuple(
        Architecture(
            name=name,
            title=title,
            library=source.rpartition(":")[0] or "torchvision",
            builder=source.rpartition(":")[2],
            options=tuple(options.items()),
            size=size,
            year=year,
            paper=paper,
            parameters=round(millions * 1e6),
            macs=round(thousand_millions * 1e9),
            top1=top1,
        )
        for name, title, source, options, size, year, paper, millions, thousand_millions, top1 in ROWS
    )


def find(name: str) -> Architecture:
    """The architecture `name`: its name, title or name in the library, ignoring case and punctuation.

    'timm:NAME' and 'torchvision:NAME' are networks of these libraries, 'net.py:factory' is a user's own.

    Raises:
        UsageError: there is no such network.
        MissingDependencyError: its library is not installed.
    """
    return _of_library("file", name, name) if is_own(name) else registered(name)


def is_own(name: str) -> bool:
    """Whether `name` is code of the user's, such as 'net.py:factory'."""
    return name.endswith(".py") or name.rpartition(":")[0].endswith(".py")


def registered(name: str) -> Architecture:
    """The architecture with a name that was read from a file: as `find`, but a path is never followed.

    Raises:
        UsageError: there is no such network, or it is the user's own code, which only a user may name.
        MissingDependencyError: its library is not installed.
    """
    if is_own(name):
        raise UsageError(
            f"is of a network of your own, {name}, and edgewise runs no code that a file names; "
            "pass the network yourself, as in net.py:factory"
        )
    prefix, _, asked = name.partition(":")
    source = prefix.strip().casefold()
    if asked and source in libraries():
        known = {builder: builder for builder in library(source).names()}
        builder = pick(asked, known, f"{source} network", f"it has {', '.join([*known][:5])} and more")
        return _of_library(source, builder, f"{source}:{builder}")
    return pick(name, _named(), "model", "run 'edgewise models' for a list")


def build(architecture: Architecture, classes: int) -> "nn.Module":
    """Build the network in evaluation mode with random weights, (N, C, H, W) float32 to (N, classes) logits.

    Raises:
        MissingDependencyError: its library is not installed.
    """
    made = library(architecture.library)
    return made.build(architecture.builder, classes, dict(architecture.options))


def skeleton(architecture: Architecture, classes: int) -> "nn.Module":
    """The network on the meta device, without memory for its weights: for names, shapes and counts.

    Raises:
        MissingDependencyError: its library is not installed.
    """
    import torch

    if architecture.library != "file":  # a user's code may load weights
        try:
            with torch.device("meta"):
                return build(architecture, classes)
        except RuntimeError:  # RegNet computes its widths with tensors
            pass
    return build(architecture, classes).to("meta")


def preprocess(architecture: Architecture) -> "Preprocess":
    """The default preprocessing for the network; raises like `build`."""
    return library(architecture.library).preprocess(architecture.builder)


def published(architecture: Architecture) -> Published | None:
    """The ImageNet weights that its library recommends, or None; raises like `build`."""
    return library(architecture.library).published(architecture.builder, dict(architecture.options))


@cache
def _named() -> dict[str, Architecture]:
    """The rows by name, title and, for rows without options, the library's name."""
    rows = architectures()
    further = [(row.title, row) for row in rows] + [(row.builder, row) for row in rows if not row.options]
    names = {row.name: row for row in rows}
    taken = {fold(name) for name in names}
    return names | {name: row for name, row in further if fold(name) not in taken}


def _of_library(source: str, builder: str, name: str) -> Architecture:
    size = library(source).preprocess(builder).size
    return Architecture(name=name, title=builder, library=source, builder=builder, size=size)
