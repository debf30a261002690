"""Several networks in one exported graph, beside its single members."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..models.ensemble import Average, combine, normalised
from ..models.errors import UsageError
from ..models.overrides import PathLike
from ..runtime.judge import evaluation
from . import gain
from .checks import require_folder
from .conversion import Conversion
from .convert import run
from .document import document
from .gain import MemberCost, MemberScore
from .members import load_members, require_members
from .progress import Journal, Progress
from .request import ConvertRequest, ModelLike


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EnsembleConversion:
    """The result of `ensemble`: the conversion, and what the ensemble gains and costs.

    `scores` has the members and the ensemble last; so has `costs` for each target. `judged_on` says what the
    scores were measured on, `fitted_on` what the weights were fitted on.
    """

    conversion: Conversion
    average: Average
    scores: tuple[MemberScore, ...]
    costs: tuple[MemberCost, ...]
    judged_on: dict[str, Any]
    fitted_on: dict[str, Any] | None
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        lines = [
            f"  {score.name}: " + (f"top-1 {score.accuracy.top1:.2%}" if score.accuracy else "no labels")
            for score in self.scores
        ]
        return (
            "\n".join([f"<Ensemble of {len(self.scores) - 1} ({self.average})", *lines])
            + f">\n{self.conversion}"
        )

    def to_json(self) -> dict[str, Any]:
        """The document `ensemble`: that of the conversion, and the members."""
        facts = {"average": self.average, "fitted_on": self.fitted_on, "judged_on": self.judged_on}
        members = gain.to_json(self.scores, self.costs)
        content = {**self.conversion.to_json(), "notices": list(self.notices)}
        del content["schema"], content["schema_version"]
        return document("ensemble", ensemble={**facts, "models": members}, **content)


def ensemble(
    members: Iterable[ModelLike],
    *,
    weights: Sequence[float] | Literal["fit"] | None = None,
    average: Average = "probabilities",
    fit: PathLike | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> EnsembleConversion:
    """Average networks in one graph, measure what that gains and costs, and convert it.

    Args:
        members: At least two of what `convert` takes as a model, or of `NAME=WEIGHTS`.
        weights: The weight of each member, equal without it; `fit` finds the weights that make the right
            answers likeliest, on pictures that judge nothing.
        average: What is averaged, `probabilities` or `logits`.
        fit: Labelled folders to fit weights on; a fifth of `data` without it.
        progress: Receives stages and notices; silent without it.
        options: The other options of `convert`.

    Raises:
        UsageError: Members do not go together, or an option cannot be used.
        EdgewiseError: As `convert` does.
    """
    made = combined(
        ConvertRequest(model="ensemble", **options),
        members,
        weights=weights,
        average=average,
        fit=None if fit is None else Path(fit),
        progress=progress,
    )
    made.conversion.require_written()
    return made


def combined(
    request: ConvertRequest,
    members: Iterable[ModelLike],
    *,
    weights: Sequence[float] | Literal["fit"] | None,
    average: Average,
    fit: Path | None,
    progress: Progress | None,
) -> EnsembleConversion:
    """Run a checked request for the ensemble of `members`; see `ensemble`."""
    members = _listed(members)
    given = _numbers(weights)
    shares = normalised(given, len(members))
    require_fitting(weights, fit)
    request.require_files()
    require_members(members)
    if fit:
        require_folder(fit, "a folder of labelled pictures")
    journal = Journal(progress)
    with journal.stage("Load the members"):
        team = load_members(members, request.overrides, journal.notice)
    like = team[0].model.spec
    combine([member.model for member in team], shares, average)  # members that do not go together
    data = None if request.data is None else Path(request.data)
    judging = evaluation.choose(like, data, request.eval_count, (), request.seed)
    fitting = None
    if weights == "fit":
        fitting, judging = gain.parted(judging, fit, like)
        found = gain.fitted(gain.answered(team, like, fitting, journal), average)
        team, shares = gain.without_idle(team, found, journal)
    answers = gain.answered(team, like, judging, journal)
    scores = gain.scores(team, shares, average, answers)
    model = combine([member.model for member in team], shares, average)
    judged_on = {"pictures": judging.description, "count": len(answers.indices)}
    fitted_on = None if fitting is None else {"pictures": fitting.description, "count": fitting.count}
    facts = {"average": average, "fitted_on": fitted_on, "judged_on": judged_on}
    model = replace(model, record={**(model.record or {}), **facts})
    conversion = run(request.of(model), progress)
    firsts = {bundle.target: bundle for bundle in conversion.bundles[::-1]}
    costs = [cost for bundle in firsts.values() for cost in gain.costs(team, bundle, journal)]
    notices = dict.fromkeys((*journal.notices, *conversion.notices))
    return EnsembleConversion(
        conversion, average, tuple(scores), tuple(costs), judged_on, fitted_on, tuple(notices)
    )


def require_fitting(weights: Sequence[float] | str | None, fit: Path | None) -> None:
    """Raise a `UsageError` where there are pictures to fit weights on that are given or equal."""
    if fit and weights != "fit":
        raise UsageError("--fit is only used with --weights fit; add it, or omit --fit")


def _listed(members: Iterable[ModelLike]) -> list[ModelLike]:
    if isinstance(members, str):
        raise UsageError(f"{members}: is a single member; pass a list of at least two")
    return [*members]


def _numbers(weights: Sequence[float] | str | None) -> tuple[float, ...] | None:
    """The weights that were given; None if they are equal or fitted."""
    if weights is None or weights == "fit":
        return None
    try:
        return tuple(map(float, weights)) or None
    except (TypeError, ValueError) as error:
        raise UsageError(f"weights {weights!r}: must be one number per member, or 'fit'") from error
