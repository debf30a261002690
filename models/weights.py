"""From `--weights` to a loaded network: the bundled checkpoint, the published ImageNet weights or a file."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _imagenet
from ._fitting import fit
from .checkpoint import Checkpoint, load
from .errors import EdgewiseError, UsageError
from .labels import read_labels
from .spec import RGB, Labels, ModelSpec, Origin, Preprocess
from .zoo import Architecture, architectures, find

if TYPE_CHECKING:
    from torch import nn

BUNDLED = Path(__file__).parent / "bundled"
_BUNDLED_SUFFIX = "-shapes.safetensors"
_KEPT = 0.0


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the user says of a model, stronger than what its weights say; None leaves it to them.

    `imgsz` and `resize` are in pixels, and `imgsz` alone changes `resize` in proportion. `mean` and `std`
    are per channel on the [0, 1] scale. `labels` is a file for `read_labels`.
    """

    mean: RGB | None = None
    std: RGB | None = None
    imgsz: int | None = None
    resize: int | None = None
    labels: Path | None = None

    def __post_init__(self) -> None:
        for option, values in (("--mean", self.mean), ("--std", self.std)):
            if values is not None and not all(0 <= value <= 1 for value in values):
                raise UsageError(f"{option} {values}: not on the scale from 0 to 1; divide by 255")

    def preprocess(self, given: Preprocess) -> Preprocess:
        """`given` with what the user says."""
        size = given.size if self.imgsz is None else self.imgsz
        return replace(
            given,
            size=size,
            resize=round(size * given.resize / given.size) if self.resize is None else self.resize,
            mean=given.mean if self.mean is None else self.mean,
            std=given.std if self.std is None else self.std,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A network in evaluation mode with its weights; `record` is the training record of our own files."""

    network: "nn.Module"
    spec: ModelSpec
    record: dict[str, Any] | None = None


def load_model(
    name: str,
    source: str = "auto",
    overrides: Overrides = Overrides(),  # noqa: B008 - frozen
    announce: Callable[[str], None] = lambda line: print(line, file=sys.stderr),  # noqa: T201
) -> Model:
    """The model called `name` with the weights of `source`.

    `source` is 'imagenet' (published by torchvision, downloaded once), 'bundled' (trained on generated
    shapes, always there), 'auto' (the first of these that can be had) or the path of a weights file. What
    had to be assumed is told to `announce`, a line each.

    Raises:
        UsageError: no such model, source or file, or the weights or labels do not fit the model.
        EdgewiseError: the weights cannot be downloaded or read, or are not finite numbers.
        MissingDependencyError: torch or torchvision is not installed.
    """
    architecture = find(name)
    kind = _kind(architecture, source)
    path = _path(architecture, source, kind)
    checkpoint = load(path)
    if checkpoint.spec is not None and checkpoint.spec.name != architecture.name:
        raise UsageError(f"{path}: holds weights of {checkpoint.spec.name}, not of {architecture.name}")
    network, classes = fit(architecture, checkpoint.tensors, path)
    own, known = checkpoint.spec, _assumed(architecture, classes)
    preprocess = overrides.preprocess(own.preprocess if own else known.preprocess)
    ...


def _kind(architecture: Architecture, source: str) -> str:
    """'imagenet', 'bundled' or 'file'."""
    if source not in ("auto", "imagenet", "bundled"):
        return "file"
    if source != "auto":
        return source
    weights = _imagenet.default_weights(architecture)
    if _imagenet.cached_file(weights).exists() or _imagenet.is_reachable(weights):
        return "imagenet"
    return "bundled"
