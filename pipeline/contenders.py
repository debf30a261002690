"""What `edgewise compare` compares: the files of bundles, PyTorch's network, and the pictures."""

from dataclasses import dataclass
from pathlib import Path

from ..export.artifact import model_files
from ..models.errors import EdgewiseError, UsageError
from ..models.foreign.keras import is_keras
from ..models.foreign.program import is_program
from ..models.images import sha256_of
from ..models.model import Model
from ..models.spec import ModelSpec
from ..models.weights import Overrides, load_model
from ..runtime import Session
from ..runtime.bundle import Bundle
from ..runtime.judge.evaluation import Pictures, take
from ..runtime.reference import reference
from .progress import Journal

_BY_NAME = ("bundled", "imagenet")  # origins of weights that can be loaded again without being given
_SAME = {"name": "architecture", "labels": "classes", "preprocess": "preprocessing"}  # of one network


@dataclass(frozen=True, slots=True)
class ComparedFile:
    """A model file of a bundle; `name` tells it from the others."""

    name: str
    path: Path
    target: str
    precision: str


def one_network(bundles: list[Bundle]) -> ModelSpec:
    """What the bundles are of; a `UsageError` where they are not of one network."""
    first, *rest = bundles
    for bundle in rest:
        for field, words in _SAME.items():
            if getattr(bundle.spec, field) != getattr(first.spec, field):
                raise UsageError(
                    f"{first.folder} and {bundle.folder} differ in {words}: name bundles of one network"
                )
    return first.spec


def contenders(bundles: list[Bundle]) -> list[ComparedFile]:
    """The different model files, float ones first; a twin that several bundles carry counts once."""
    found: dict[tuple[str, ...], ComparedFile] = {}
    for bundle in bundles:
        for path, precision in ((bundle.reference, "fp32"), (bundle.model, bundle.precision)):
            content = tuple(map(sha256_of, model_files(path))) if path else ()
            if path is None or content in found:
                continue
            name = f"{bundle.target} {precision}"
            if any(file.name == name for file in found.values()):
                name = f"{name} of {bundle.folder}"
            found[content] = ComparedFile(name, path, bundle.target, precision)
    return sorted(found.values(), key=lambda file: file.precision != "fp32")


def original(
    bundles: list[Bundle], wanted: bool | None, weights: Path | None, journal: Journal
) -> dict[str, Session]:
    """A session of the network in its framework, by that name; empty where unwanted or not to be had."""
    if wanted is False:
        return {}
    try:
        session = reference(_load(bundles, weights).network)
    except EdgewiseError as error:
        if wanted or weights:
            raise
        journal.notice(f"the original network is left out: {error}")
        return {}
    return {session.framework: session}


def thinned(pictures: Pictures, count: int) -> Pictures:
    """At most `count` of the pictures, evenly from all: a folder has them in the order of their classes."""
    if pictures.count <= count:
        return pictures
    return take(pictures, [place * pictures.count // count for place in range(count)])


def _load(bundles: list[Bundle], weights: Path | None) -> Model:
    """The network that every bundle was made from, proven by the sha256 of its weights."""
    spec = bundles[0].spec
    origin = spec.origin
    if any(bundle.spec.origin.sha256 != origin.sha256 for bundle in bundles):
        raise UsageError("the bundles were made from different weights; compare those of one")
    if weights is None and origin.source not in _BY_NAME:
        raise UsageError(f"the weights came from {origin.description}; give that file by --weights")
    size = Overrides(imgsz=spec.preprocess.size, resize=spec.preprocess.resize)
    if weights and (is_keras(str(weights)) or is_program(str(weights))):
        model = load_model(str(weights), overrides=size, announce=lambda _: None)
    else:
        model = load_model(spec.name, str(weights or origin.source), size, announce=lambda _: None)
    if (found := model.spec.origin.sha256) != origin.sha256:
        raise UsageError(
            f"the weights {weights or origin.source} have the sha256 {found[:12]}, but the bundles were made "
            f"from {origin.description} ({origin.sha256[:12]}); give that file by --weights"
        )
    return model
