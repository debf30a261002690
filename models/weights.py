"""From `--weights` to a loaded network: published for ImageNet, bundled with the package, or a file."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _imagenet
from ._fitting import fit
from ._overrides import Overrides
from .checkpoint import load
from .errors import UsageError
from .spec import Labels, ModelSpec, Origin, Preprocess
from .zoo import Architecture, architectures, find

if TYPE_CHECKING:
    from torch import nn

__all__ = ["BUNDLED", "Model", "Overrides", "load_model"]

BUNDLED = Path(__file__).parent / "bundled"
_NO_OVERRIDES = Overrides()


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A network in evaluation mode with its weights; `record` is the training record of our own files."""

    network: "nn.Module"
    spec: ModelSpec
    record: dict[str, Any] | None = None


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201


def load_model(
    name: str,
    source: str = "auto",
    overrides: Overrides = _NO_OVERRIDES,
    announce: Callable[[str], None] = _say,
) -> Model:
    """The model called `name` with the weights that `source` names.

    'imagenet': published by torchvision and downloaded once. 'bundled': trained on generated shapes, comes
    with the package. 'auto': the first of the two that is at hand. Anything else: the path of a file.
    Whatever had to be assumed is said by `announce`, one line each.

    Raises:
        UsageError: no such model, file or bundled checkpoint; weights or labels that do not fit the model.
        EdgewiseError: weights that cannot be downloaded or read, or are not all finite.
        MissingDependencyError: torchvision is not installed.
    """
    architecture = find(name)
    weights = _imagenet.default_weights(architecture)
    kind = _kind(architecture, weights, source)
    path = _imagenet.fetch(weights) if kind == "imagenet" else _file(architecture, kind, source)
    checkpoint = load(path)
    own, origin = checkpoint.spec, Origin(kind, path.name, checkpoint.sha256)
    if own and own.name != architecture.name:
        raise UsageError(f"{path}: holds weights of {own.name}; run with that name instead of {name}")
    network, classes = fit(architecture, checkpoint.tensors, path)
    spec = overrides.apply(own or _assumed(architecture, weights, classes, origin), classes)
    if kind == "bundled":
        origin = replace(origin, description=spec.origin.description)
    elif kind == "imagenet":
        origin = replace(origin, description=f"torchvision {weights}")
    model = Model(network, replace(spec, origin=origin), checkpoint.record)
    if kind == "bundled" and source == "auto":
        announce(_fallback(architecture, model))
    elif kind == "file" and own is None:
        for line in _assumptions(model.spec, overrides):
            announce(line)
    return model


def _kind(architecture: Architecture, weights: Any, source: str) -> str:
    """What `source` is: 'imagenet', 'bundled' or 'file'."""
    if source != "auto":
        return source if source in {"imagenet", "bundled"} else "file"
    if _imagenet.is_at_hand(weights):
        return "imagenet"
    if _bundled(architecture).is_file():
        return "bundled"
    raise UsageError(
        f"the ImageNet weights of {architecture.title} are neither cached nor within reach, and none come "
        f"with edgewise (but for {_with_bundled()}); connect to the network or give --weights PATH"
    )


def _file(architecture: Architecture, kind: str, source: str) -> Path:
    path = _bundled(architecture) if kind == "bundled" else Path(source).expanduser()
    if path.is_file():
        return path
    if kind == "bundled":
        raise UsageError(
            f"no checkpoint of {architecture.title} comes with edgewise, only of {_with_bundled()}; "
            "give --weights imagenet or --weights PATH"
        )
    raise UsageError(f"--weights {source}: no such file; give its path, or one of auto, imagenet, bundled")


def _bundled(architecture: Architecture) -> Path:
    return BUNDLED / f"{architecture.name}-shapes.safetensors"


def _with_bundled() -> str:
    return ", ".join(row.name for row in architectures() if _bundled(row).is_file()) or "no model"


def _assumed(architecture: Architecture, weights: Any, classes: int, origin: Origin) -> ModelSpec:
    """What a file without a description is taken for."""
    labels = _imagenet.labels_of(weights)
    if classes != len(labels):
        labels = Labels(tuple(f"class {index}" for index in range(classes)))
    return ModelSpec(architecture.name, _imagenet.preprocess_of(weights), labels, origin)


def _assumptions(spec: ModelSpec, overrides: Overrides) -> list[str]:
    lines, file = [], spec.origin.description
    if not overrides.settle_preprocessing:
        lines.append(
            f"{file} does not say how its pictures are made: taking torchvision's way for {spec.name} "
            f"({_in_words(spec.preprocess)}); change it by --imgsz, --resize, --mean, --std"
        )
    if overrides.labels is None:
        known = "the classes of ImageNet" if spec.labels.ids else f"'class 0' to {spec.labels.names[-1]!r}"
        lines.append(
            f"{file} does not name its {len(spec.labels)} classes: taking {known}; name them by --labels FILE"
        )
    return lines


def _in_words(preprocess: Preprocess) -> str:
    mean, std = ("/".join(f"{value:g}" for value in values) for values in (preprocess.mean, preprocess.std))
    return f"resize {preprocess.resize}, cut {preprocess.size}, mean {mean}, std {std}"


def _fallback(architecture: Architecture, model: Model) -> str:
    score = f", top-1 {model.record['top1']:.1%} on {model.record['judged_on']}" if model.record else ""
    return (
        f"The ImageNet weights of {architecture.title} are neither cached nor within reach. Taking the "
        f"bundled checkpoint, which knows no photographs: {model.spec.origin.description}, "
        f"{len(model.spec.labels)} classes{score}. To insist, give --weights imagenet or --weights PATH"
    )
