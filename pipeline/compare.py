"""The cross-runtime parity matrix: a network in its framework and the files of bundles, each with each."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..export.artifact import model_files
from ..export.precision import Precision
from ..models.data.copies import Seen
from ..models.errors import EdgewiseError, UsageError
from ..models.foreign.keras import is_keras
from ..models.foreign.program import is_program
from ..models.images import sha256_of
from ..models.model import Model
from ..models.overrides import Overrides, PathLike
from ..models.spec import ModelSpec
from ..models.weights import load_model
from ..models.weights.names import require_model, require_weights
from ..models.zoo import is_own, registered
from ..runtime import Session, machine, open_session
from ..runtime.bundle import Bundle
from ..runtime.first_opening import require_sound
from ..runtime.judge import evaluation
from ..runtime.judge.answering import tallied
from ..runtime.judge.evaluation import Pictures, take
from ..runtime.judge.matrix import ComparedPair, matrix
from ..runtime.judge.stats import Accuracy
from ..runtime.reference import reference
from .checks import require_folder
from .document import document
from .progress import Journal, Progress
from .request import answering, at_least, listed

_BY_NAME = ("bundled", "imagenet")  # origins of weights that can be loaded again without being given
_SAME = {"name": "architecture", "labels": "classes", "preprocess": "preprocessing"}  # of one network


@dataclass(frozen=True, slots=True)
class ComparedFile:
    """A model file of a bundle; `name` tells it from the others."""

    name: str
    path: Path
    target: str
    precision: Precision


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ParityMatrix:
    """Every model against every other, on the same pictures.

    `accuracies` has each model by its name; the value is None without labels. `files` are the models that
    are files, the rest being the network in its framework.
    """

    pictures: str
    count: int
    skipped: int
    files: tuple[ComparedFile, ...]
    accuracies: dict[str, Accuracy | None]
    pairs: tuple[ComparedPair, ...]
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        pairs = [f"  {pair.reference}, {pair.candidate}: {100 * pair.top1:.1f} %" for pair in self.pairs]
        return (
            "\n".join([f"<ParityMatrix: top-1 agreement on {self.count} pictures ({self.pictures})", *pairs])
            + ">"
        )

    def to_json(self) -> dict[str, Any]:
        """The document `comparison`."""
        paths = {file.name: str(file.path) for file in self.files}
        return document(
            "comparison",
            pictures=self.pictures,
            count=self.count,
            skipped=self.skipped,
            isa=machine.isa(),
            models=[
                {"name": name, "path": paths.get(name), "accuracy": asdict(found) if found else None}
                for name, found in self.accuracies.items()
            ],
            pairs=[asdict(pair) for pair in self.pairs],
            notices=list(self.notices),
        )


def compare(
    bundles: PathLike | Iterable[PathLike],
    *,
    torch: bool | None = None,
    network: PathLike | None = None,
    weights: PathLike | None = None,
    data: PathLike | None = None,
    count: int = 400,
    threads: int = 2,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> ParityMatrix:
    """Compare the models and float models of bundles, and the network in its framework, on the same pictures.

    Args:
        bundles: Folders of bundles of one network, or `Bundle` objects.
        torch: Require the network in its framework (True), leave it out (False), or take it where it can be
            loaded (None).
        network: The network as `convert` takes it, where it is your own (`net.py:factory`): code that a
            bundle names is never run.
        weights: The file that the bundles were made from.
        data: Labelled folders; otherwise the pictures that `verify` takes.
        count: Largest number of pictures.
        threads: Threads of each engine; one in each of several processes.
        jobs: Processes that answer pictures, where there are many; one per core without it.
        progress: Receives stages and notices; silent without it.

    Raises:
        UsageError: The bundles are of different networks, or there is only one model.
        MissingDependencyError: An engine is not installed.
        EdgewiseError: A bundle is damaged.
    """
    at_least("count", count, 1)
    at_least("threads", threads, 1)
    journal = Journal(progress)
    means = answering(jobs, resuming=journal.notice)
    opened = [Bundle.open(folder) for folder in listed(bundles)]
    spec = _one_network(opened)
    for notice in filter(None, map(require_sound, opened)):
        journal.notice(notice)
    files = _files(opened)
    if network is not None:
        require_model(os.fspath(network))
    if weights is not None:
        require_weights(os.fspath(weights))
    folder = None if data is None else Path(data)
    if folder is not None:
        require_folder(folder, "a folder of labelled pictures")
    pictures = _thinned(evaluation.choose(spec, folder, count, photos=(), seed=0), count)
    for notice in pictures.notices:
        journal.notice(notice)
    for bundle in opened:
        overlap = evaluation.refuse_overlap(pictures, Seen.from_json(bundle.calibration or {}))
        for notice in filter(None, [overlap]):
            journal.notice(notice)
    sessions = _original(
        opened,
        torch,
        None if network is None else os.fspath(network),
        None if weights is None else Path(weights),
        journal,
    )
    if len(sessions) + len(files) == 1:
        raise UsageError(f"there is only one model, {files[0].name}; pass another bundle, or --weights")
    with journal.stage(f"Compare on {pictures.count} pictures") as counter:
        sessions |= {file.name: open_session(file.path, file.target, threads) for file in files}
        tally = tallied([*sessions.values()], pictures, spec.preprocess, counter, means)
    if tally.skipped:
        journal.notice(f"{tally.skipped} pictures could not be read and were skipped")
    accuracies = {
        name: None if tally.labels is None else tally.side(place).accuracy
        for place, name in enumerate(sessions)
    }
    return ParityMatrix(
        pictures.description,
        len(tally.indices),
        tally.skipped,
        tuple(files),
        accuracies,
        tuple(matrix([*sessions], tally)),
        tuple(journal.notices),
    )


def _one_network(bundles: list[Bundle]) -> ModelSpec:
    """What the bundles are of; a `UsageError` where they are not of one network."""
    first, *rest = bundles
    for bundle in rest:
        for field, words in _SAME.items():
            if getattr(bundle.spec, field) != getattr(first.spec, field):
                raise UsageError(
                    f"{first.folder} and {bundle.folder} differ in {words}; pass bundles of one network"
                )
    return first.spec


def _files(bundles: list[Bundle]) -> list[ComparedFile]:
    """The different model files, float ones first; a twin that several bundles carry counts once."""
    found: dict[tuple[str, ...], ComparedFile] = {}
    for bundle in bundles:
        for path, precision in ((bundle.reference, Precision.FP32), (bundle.model, bundle.precision)):
            content = tuple(map(sha256_of, model_files(path))) if path else ()
            if path is None or content in found:
                continue
            name = f"{bundle.target} {precision}"
            if any(file.name == name for file in found.values()):
                name = f"{name} of {bundle.folder}"
            found[content] = ComparedFile(name, path, bundle.target, precision)
    return sorted(found.values(), key=lambda file: file.precision is not Precision.FP32)


def _original(
    bundles: list[Bundle],
    wanted: bool | None,
    network: str | None,
    weights: Path | None,
    journal: Journal,
) -> dict[str, Session]:
    """A session of the network in its framework, by that name; empty where unwanted or not to be had."""
    if wanted is False:
        return {}
    try:
        with journal.stage("Load the original network"):
            session = reference(_load(bundles, network, weights).network)
    except EdgewiseError as error:
        if wanted or network or weights:
            raise
        journal.notice(f"The original network is not compared: {error}")
        return {}
    return {session.framework: session}


def _thinned(pictures: Pictures, count: int) -> Pictures:
    """At most `count` of the pictures, evenly from all: a folder has them in the order of their classes."""
    if pictures.count <= count:
        return pictures
    return take(pictures, [place * pictures.count // count for place in range(count)])


def _load(bundles: list[Bundle], network: str | None, weights: Path | None) -> Model:
    """The network that every bundle was made from, proven by the sha256 of its weights."""
    spec = bundles[0].spec
    origin = spec.origin
    made = {(bundle.spec.origin.sha256, bundle.spec.origin.averaged) for bundle in bundles}
    if len(made) > 1:
        raise UsageError("the bundles were made from different weights; pass bundles of the same weights")
    if weights is None and origin.source == "memory":
        raise UsageError(f"the bundles were made from {origin.description}, which was not loaded from a file")
    if network is None and weights is None and origin.source not in _BY_NAME:
        raise UsageError(f"the weights are from {origin.description}; pass that file with --weights")
    pictures = spec.preprocess
    size = Overrides(imgsz=pictures.size, resize=pictures.resize, channels=pictures.channels)
    if weights and (is_keras(str(weights)) or is_program(str(weights))):
        model = load_model(str(weights), overrides=size, announce=lambda _: None)
    else:
        source = str(weights or (origin.source if origin.source in _BY_NAME else "auto"))
        model = load_model(
            network or _registered(bundles[0]), source, size, lambda _: None, ema=origin.averaged
        )
    if (found := model.spec.origin.sha256) != origin.sha256:
        raise UsageError(
            f"the weights {weights or network or origin.source} have the sha256 {found[:12]}, but the "
            f"bundles were made from {origin.description} ({origin.sha256[:12]}); "
            "pass that file with --weights"
        )
    return model


def _registered(bundle: Bundle) -> str:
    """The name of the bundle's network, which was read from its manifest: never a path to follow."""
    name = bundle.spec.name
    try:
        return registered(name).name
    except UsageError as error:
        how = " with --network" if is_own(name) else "; pass the network with --network"
        raise UsageError(f"{bundle.folder}: {error}{how}") from error
