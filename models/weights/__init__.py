"""Resolves `--weights` to a loaded network: published for ImageNet, bundled, from a file, or untrained."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import imagenet
from ..announcements import assumptions, fallback, logits, made
from ..checkpoint import Checkpoint, load
from ..errors import UsageError
from ..final_step import without_final_step
from ..foreign import name_of
from ..foreign.keras import is_keras, load_keras
from ..foreign.program import is_program, load_program
from ..full_precision import in_float32
from ..model import Model
from ..overrides import Overrides
from ..spec import ModelSpec, Origin, Preprocess
from ..zoo import Architecture, architectures, find, preprocess
from .fitting import fit, taken
from .names import SOURCES, require_model, require_weights
from .packaged import alternatives
from .published import description, imagenet_file, is_available
from .untrained import SEED, digest, seeded, stabilise

if TYPE_CHECKING:
    from torch import nn

__all__ = ["BUNDLED", "Model", "Overrides", "load_model", "model_name"]

BUNDLED = Path(__file__).parents[1] / "bundled"
_NO_OVERRIDES = Overrides()
_OURS = ".safetensors"  # a model name with this suffix is an edgewise checkpoint


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201


def model_name(name: str) -> str:
    """The name that `load_model(name)` will give its model, determined without building it.

    Raises:
        UsageError: the model does not exist.
        EdgewiseError: a checkpoint cannot be read.
        MissingDependencyError: the network's library is not installed.
    """
    require_model(name)
    if _opener(name):
        return name_of(Path(name))
    return _ours(name)[0].name if name.endswith(_OURS) else find(name).name


def load_model(
    name: str,
    source: str = "auto",
    overrides: Overrides = _NO_OVERRIDES,
    announce: Callable[[str], None] = _say,
    *,
    ema: bool = False,
) -> Model:
    """Load the model `name`, see `zoo.find`, with the weights `source`.

    'imagenet': published by the network's library, downloaded once. 'bundled': trained on generated shapes,
    included in the package. 'random': untrained. 'auto': the first of the first two that is available, or
    whatever a user's own factory returns. Anything else: the path of a file. `name` may also be a file that
    contains a whole model (an edgewise checkpoint, a Keras model or a `torch.export` program), which requires
    `source` to be 'auto'. `ema` takes the averages of a file that has raw weights as well. `announce` gets a
    line for every assumption.

    Raises:
        UsageError: the model, file or bundled checkpoint does not exist; weights or labels do not fit it.
        EdgewiseError: the weights cannot be downloaded or read, or are not all finite.
        MissingDependencyError: the network's library is not installed.
    """
    require_model(name)
    checkpoint = None
    opener = _opener(name)
    _refuse_contradictions(name, source, whole=bool(opener) or name.endswith(_OURS), ema=ema)
    if opener:
        return opener(Path(name).expanduser(), overrides, announce)
    if name.endswith(_OURS):
        spec, checkpoint = _ours(name)
        name, source = spec.name, name
    architecture = find(name)
    kind = _kind(architecture, source)
    if kind in {"random", "made"}:
        return _made(architecture, kind, overrides, announce)
    path = _file(architecture, kind, source)
    checkpoint = checkpoint or load(path)
    own, origin = (
        checkpoint.spec,
        Origin(kind, f"{path.name}{' (averaged)' if ema else ''}", checkpoint.sha256, averaged=ema),
    )
    if own and own.name != architecture.name:
        raise UsageError(f"{path}: contains weights for {own.name}; use that name instead of {name}")
    network, notices = fit(architecture, checkpoint.states, path, ema=ema)
    network = in_float32(network, architecture.name, announce)
    given = own.preprocess if own else preprocess(architecture)
    prepared, outputs = taken(architecture.name, network, given, overrides)
    described = replace(own or _assumed(architecture, outputs, origin), preprocess=prepared)
    spec = overrides.apply(described, outputs)
    if kind in {"bundled", "imagenet"}:
        known = spec.origin.description if own else description(architecture)
        origin = replace(origin, description=known or path.name)
    network, step = _logits(architecture, network, prepared)
    model = Model(network, replace(spec, origin=origin), checkpoint.record)
    if kind == "bundled" and source == "auto":
        notices += (fallback(architecture, model.spec, model.record, alternatives()),)
    elif kind == "file" and own is None:
        notices += (*assumptions(model.spec, _way(architecture), overrides),)
    for notice in (*notices, *logits(model.spec, outputs, step)):
        announce(notice)
    return model


def _logits(
    architecture: Architecture, network: "nn.Module", prepared: Preprocess
) -> "tuple[nn.Module, str | None]":
    """A user's own network without a final softmax or sigmoid; the libraries' have none."""
    own = architecture.library == "file"
    return without_final_step(network, prepared.shape) if own else (network, None)


def _refuse_contradictions(name: str, source: str, *, whole: bool, ema: bool) -> None:
    """Raise a `UsageError` for weights of a `whole` model, and for averages of anything but a file."""
    if ema and source in SOURCES:
        raise UsageError(f"--ema: is for a file of weights, not for {source}; pass --weights PATH")
    if source != "auto" and whole:
        raise UsageError(f"--weights {source}: {name} contains its own weights; omit --weights")


def _way(architecture: Architecture) -> str:
    """Describe the preprocessing that is assumed for weights without metadata."""
    return (
        "the usual preprocessing"
        if architecture.library == "file"
        else f"{architecture.library}'s preprocessing for {architecture.name}"
    )


def _opener(name: str) -> Callable[[Path, Overrides, Callable[[str], None]], Model] | None:
    """The loader for a Keras or `torch.export` model file; None for other names."""
    if is_keras(name):
        return load_keras
    return load_program if is_program(name) else None


def _ours(name: str) -> tuple[ModelSpec, Checkpoint]:
    """The spec and content of the edgewise checkpoint that is passed as a model."""
    checkpoint = load(Path(name).expanduser())
    if checkpoint.spec is None:
        raise UsageError(
            f"{name}: does not name its network; pass the name of the network, and this file with --weights"
        )
    return checkpoint.spec, checkpoint


def _kind(architecture: Architecture, source: str) -> str:
    """The kind of `source`: 'imagenet', 'bundled', 'random', 'made' by a user's factory, or 'file'."""
    if source != "auto":
        return source if source in {"imagenet", "bundled", "random"} else "file"
    if is_available(architecture):
        return "imagenet"
    if _bundled(architecture).is_file():
        return "bundled"
    if architecture.library == "file":
        return "made"
    known = description(architecture) is not None
    missing = (
        f"the ImageNet weights of {architecture.title} are not cached and their server cannot be reached"
        if known
        else f"no ImageNet weights are published for {architecture.title}"
    )
    raise UsageError(
        f"{missing}, and edgewise only bundles weights for {_with_bundled()}; "
        f"{'connect to the network, ' if known else ''}pass --weights random to see only size and speed, "
        f"or pass --weights PATH; {alternatives()}"
    )


def _file(architecture: Architecture, kind: str, source: str) -> Path:
    if kind == "imagenet":
        return imagenet_file(architecture)
    if kind != "bundled":
        require_weights(source)
        return Path(source).expanduser()
    path = _bundled(architecture)
    if not path.is_file():
        raise UsageError(
            f"edgewise bundles no checkpoint for {architecture.title}, only for {_with_bundled()}; "
            "pass --weights imagenet or --weights PATH"
        )
    return path


def _bundled(architecture: Architecture) -> Path:
    return BUNDLED / f"{architecture.name}-shapes.safetensors"


def _with_bundled() -> str:
    return ", ".join(row.name for row in architectures() if _bundled(row).is_file()) or "no model"


def _made(
    architecture: Architecture, kind: str, overrides: Overrides, announce: Callable[[str], None]
) -> Model:
    """A network with weights that are not from a file: random, or set by a user's factory."""
    asked = len(overrides.named or ()) or imagenet.CLASSES
    origin = (
        Origin("random", f"random weights, seed {SEED}", "")
        if kind == "random"
        else Origin("file", Path(architecture.builder).name, "")
    )
    network = in_float32(seeded(architecture, asked), origin.description, announce)
    prepared, outputs = taken(architecture.name, network, preprocess(architecture), overrides)
    if kind == "random":
        stabilise(network, architecture, prepared)
    assumed = replace(_assumed(architecture, outputs, origin), preprocess=prepared)
    spec = overrides.apply(assumed, outputs)
    spec = replace(spec, origin=replace(origin, sha256=digest(network)))
    network, step = _logits(architecture, network, prepared)
    for line in (made(spec), *logits(spec, outputs, step)):
        announce(line)
    return Model(network, spec)


def _assumed(architecture: Architecture, outputs: int, origin: Origin) -> ModelSpec:
    """The default spec for weights without metadata."""
    labels = imagenet.assumed_labels(outputs)
    return ModelSpec(architecture.name, preprocess(architecture), labels, origin)
