"""What an ensemble gains over its single members, and what it costs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..export import exporter
from ..export.artifact import model_files
from ..export.graph import trace
from ..models.data.copies import Seen
from ..models.ensemble import Average, aligned, averaged, normalised
from ..models.ensemble_weights import fit_weights
from ..models.errors import EdgewiseError, UsageError
from ..models.scratch import scratch_folder
from ..models.spec import ModelSpec, Tensor32
from ..quantize.calibration import FEWEST, generated
from ..runtime import open_session
from ..runtime.bench.latency import measure
from ..runtime.bench.timing import Percentiles, Ratio
from ..runtime.bundle import Bundle
from ..runtime.judge import evaluation
from ..runtime.judge.drop import Drop, drop
from ..runtime.judge.evaluation import Answers, Pictures
from ..runtime.judge.stats import Accuracy, accuracy, calibration_error, correct
from ..runtime.reference import TorchSession
from .members import Member
from .progress import Journal

_IDLE = 0.005  # a member of so little weight costs its whole time and changes nothing


@dataclass(frozen=True, slots=True)
class MemberScore:
    """How a model answers; without labels only in how many pictures it agrees with the ensemble.

    `gain` is what the ensemble gains over a single member, in points: positive where it is the better one.
    """

    name: str
    weight: float | None
    agreement: float
    accuracy: Accuracy | None = None
    ece: float | None = None
    gain: Drop | None = None


@dataclass(frozen=True, slots=True)
class MemberCost:
    """Bytes and CPU time of a float file, one thread; how many times longer the ensemble takes."""

    name: str
    target: str
    size_bytes: int
    latency: Percentiles
    ratio: Ratio | None = None


def parted(pictures: Pictures, fit: Path | None, like: ModelSpec) -> tuple[Pictures, Pictures]:
    """Pictures to fit weights on and others to judge by: a folder of its own, or a fifth of `pictures`.

    Raises:
        UsageError: pictures without labels, or some that are in both.
    """
    if fit is not None:
        fitting = evaluation.from_folder(fit, like)
        if shared := Seen.of(fitting.files).copies(pictures.files).certain:
            raise UsageError(
                f"{len(shared)} pictures of --fit are also in --data (the first is {shared[0].name}), which "
                "would bias the result; "
                "separate them"
            )
        return fitting, pictures
    if pictures.labels is None:
        raise UsageError("--weights fit needs labelled pictures; pass --data DIR, --fit DIR or both")
    return evaluation.split(pictures)


def answered(members: Sequence[Member], like: ModelSpec, pictures: Pictures, journal: Journal) -> Answers:
    """What every member answers, with the classes in the order of `like`."""
    sessions = [TorchSession(aligned(member.model, like)) for member in members]
    with journal.stage(f"Answer {pictures.count} {pictures.description}") as progress:
        return evaluation.answers(sessions, pictures, like.preprocess, progress)


def fitted(answers: Answers, average: Average) -> tuple[float, ...]:
    """The weights that make the right answers likeliest, those of idle members set to zero."""
    assert answers.labels is not None  # noqa: S101 - see `parted`
    found = fit_weights(answers.logits, answers.labels, average)
    return tuple(weight if weight >= _IDLE else 0.0 for weight in found)


def without_idle(
    members: Sequence[Member], weights: Sequence[float], journal: Journal
) -> tuple[list[Member], tuple[float, ...]]:
    """Those to whom the fit gave a weight.

    Raises:
        EdgewiseError: it is one alone.
    """
    kept = [(member, weight) for member, weight in zip(members, weights, strict=True) if weight]
    idle = [member.name for member, weight in zip(members, weights, strict=True) if not weight]
    if len(kept) < 2:
        raise EdgewiseError(
            f"the fit gives all weight to {kept[0][0].name}, because the others add nothing on these "
            "pictures; export it alone, or pass --weights"
        )
    for name in idle:
        journal.notice(f"{name} is left out, because the fit gives it no weight")
    return [member for member, _ in kept], normalised([weight for _, weight in kept], len(kept))


def scores(
    members: Sequence[Member], weights: Sequence[float], average: Average, answers: Answers
) -> list[MemberScore]:
    """Every member, and the ensemble last."""
    import torch

    parts = [torch.from_numpy(logits) for logits in answers.logits]
    both = averaged(parts, torch.tensor(weights)[:, None], average).numpy()
    own = [
        _score(member.name, weight, logits, both, answers.labels)
        for member, weight, logits in zip(members, weights, answers.logits, strict=True)
    ]
    return [*own, _score("ensemble", None, both, both, answers.labels)]


def _score(
    name: str, weight: float | None, own: Tensor32, ensemble: Tensor32, labels: NDArray[np.int64] | None
) -> MemberScore:
    agreement = float((own.argmax(axis=1) == ensemble.argmax(axis=1)).mean())
    if labels is None:
        return MemberScore(name, weight, agreement)
    # Seen from the member: what the ensemble would lose if it were replaced by that.
    gain = None if weight is None else drop(correct(ensemble, labels), correct(own, labels), 0)
    return MemberScore(name, weight, agreement, accuracy(own, labels), calibration_error(own, labels), gain)


def costs(members: Sequence[Member], bundle: Bundle, journal: Journal) -> list[MemberCost]:
    """Float files of all members for the target of `bundle`, each timed in turn with the ensemble's own."""
    target, own = bundle.target, bundle.reference or bundle.model
    ensemble = open_session(own, target, threads=1)
    picture = generated(bundle.spec.preprocess, FEWEST, seed=0).batch(1)
    found = []
    with scratch_folder() as folder:
        for place, member in enumerate(members):
            spec = member.model.spec
            with journal.stage(f"Convert {member.name} to {target} and time it"):
                graph = trace(member.model.network, spec.preprocess.shape)
                path = exporter(target).export(graph, spec, folder / f"{place}.{target}").path
                timed = measure([ensemble, open_session(path, target, threads=1)], picture)
            if timed.quantized is not None:
                found.append(MemberCost(member.name, target, _size(path), timed.quantized, timed.speedup))
    return [*found, MemberCost("ensemble", target, _size(own), timed.float)]


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in model_files(path))


def to_json(scores: Sequence[MemberScore], costs: Sequence[MemberCost]) -> list[dict[str, Any]]:
    """A row for each model, with its costs by target."""
    return [
        asdict(score) | {"files": [asdict(cost) for cost in costs if cost.name == score.name]}
        for score in scores
    ]
