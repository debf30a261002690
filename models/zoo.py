"""The architectures, one row each, with what their papers say of them. Imports torch only to build one."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from .errors import MissingDependencyError, UsageError
from .libraries import library

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network that edgewise trains and exports: `builder` of a `library` with further `options`.

    What was published of it, with 1000 classes of ImageNet and one picture of `size` pixels, is None where
    nothing is known: the `year`, the `paper`'s arXiv id, `parameters`, `macs` (multiply-accumulates), `top1`
    in percent.
    """

    name: str
    title: str
    library: str
    builder: str
    options: tuple[tuple[str, Any], ...] = ()
    size: int = 224
    year: int | None = None
    paper: str | None = None
    parameters: float | None = None
    macs: float | None = None
    top1: float | None = None


_ARCHITECTURES = (
    Architecture(
        name="mobilenetv2",
        title="MobileNetV2",
        library="torchvision",
        builder="mobilenet_v2",
        year=2018,
        paper="1801.04381",
        parameters=3_504_872,
        macs=300_774_272,
        top1=72.0,
    ),
    Architecture(
        name="mobilenetv3small",
        title="MobileNetV3-Small",
        library="torchvision",
        builder="mobilenet_v3_small",
        year=2019,
        paper="1905.02244",
        parameters=2_542_856,
        macs=56_510_400,
        top1=67.4,
    ),
    Architecture(
        name="mobilenetv3large",
        title="MobileNetV3-Large",
        library="torchvision",
        builder="mobilenet_v3_large",
        year=2019,
        paper="1905.02244",
        parameters=5_483_032,
        macs=216_589_760,
        top1=75.2,
    ),
    Architecture(
        name="efficientnetb0",
        title="EfficientNet-B0",
        library="torchvision",
        builder="efficientnet_b0",
        year=2019,
        paper="1905.11946",
        parameters=5_288_548,
        macs=385_814_752,
        top1=77.1,
    ),
)


def architectures() -> tuple[Architecture, ...]:
    """Every architecture, in the order of the table."""
    return _ARCHITECTURES


def find(name: str) -> Architecture:
    """The architecture called `name`, with any case, dashes, underscores and spaces.

    Raises:
        UsageError: there is none.
    """
    by_name = {_fold(row.name): row for row in _ARCHITECTURES}
    if row := by_name.get(_fold(name)):
        return row
    near = get_close_matches(_fold(name), by_name)
    hint = "did you mean" if near else "choose one of"
    raise UsageError(
        f"no model is called {name!r}; {hint} {', '.join(by_name[key].name for key in near or by_name)}"
    )


def build(architecture: Architecture, classes: int) -> "nn.Module":
    """The network in evaluation mode, (N, 3, S, S) float32 to (N, classes) logits; its weights are random.

    Raises:
        MissingDependencyError: its library is not installed.
    """
    made = library(architecture.library)
    return made.build(architecture.builder, classes, dict(architecture.options))


def torchvision() -> Any:
    """The library that has the networks and their ImageNet weights.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import torchvision
    except ModuleNotFoundError as error:
        raise MissingDependencyError("loading a network", "export", error.name or "torchvision") from error
    return torchvision


def _fold(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
