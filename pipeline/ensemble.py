"""Several networks in one exported graph, beside its single members."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..models.ensemble import Average, combine, normalised
from ..models.errors import UsageError
from ..runtime.judge import evaluation
from . import gain
from .convert import Conversion, run
from .document import document
from .gain import MemberCost, MemberScore
from .members import load_members
from .progress import Journal, Progress
from .request import ConvertRequest, PathLike


@dataclass(frozen=True, slots=True, eq=False)
class EnsembleConversion:
    """The result of `ensemble`: the conversion, and what the ensemble gains and costs.

    `scores` has the members and the ensemble last; so has `costs` for each target. `pictures` says what the
    scores were measured on, `fitted_on` what the weights were fitted on.
    """

    conversion: Conversion
    average: Average
    scores: tuple[MemberScore, ...]
    costs: tuple[MemberCost, ...]
    judged_on: dict[str, Any]
    fitted_on: dict[str, Any] | None
    notices: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The document `ensemble`: that of the conversion, and the members."""
        facts = {"average": self.average, "fitted_on": self.fitted_on, "judged_on": self.judged_on}
        members = gain.to_json(self.scores, self.costs)
        content = {**self.conversion.to_json(), "notices": list(self.notices)}
        del content["schema"], content["schema_version"]
        return document("ensemble", ensemble={**facts, "models": members}, **content)


def ensemble(
    members: Sequence[str],
    *,
    weights: Sequence[float] | Literal["fit"] | None = None,
    average: Average = "probabilities",
    fit: PathLike | None = None,
    interpolation: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> EnsembleConversion:
    """Average networks in one graph, measure what that gains and costs, and convert it.

    Args:
        members: What `convert` takes as a model, `NAME=WEIGHTS`, or the path of a checkpoint.
        weights: The weight of each member, equal without it; `fit` finds the weights that make the right
            answers likeliest, on pictures that judge nothing.
        average: What is averaged, `probabilities` or `logits`.
        fit: Labelled folders to fit weights on; a fifth of `data` without it.
        interpolation: How the pictures of all members are resized, where theirs differ.
        progress: Receives stages and notices; silent without it.
        options: The options of `convert`, without `weights`.

    Raises:
        UsageError: Members do not go together, or an option cannot be used.
        EdgewiseError: As `convert` does.
    """
    return combined(
        ConvertRequest(model="ensemble", **options),
        members,
        weights=weights,
        average=average,
        fit=None if fit is None else Path(fit),
        interpolation=interpolation,
        progress=progress,
    )


def combined(
    request: ConvertRequest,
    members: Sequence[str],
    *,
    weights: Sequence[float] | Literal["fit"] | None,
    average: Average,
    fit: Path | None,
    interpolation: str | None,
    progress: Progress | None,
) -> EnsembleConversion:
    """Run a checked request for the ensemble of `members`; see `ensemble`."""
    given = None if weights == "fit" else tuple(map(float, weights or ())) or None
    shares = normalised(given, len(members))
    if fit and weights != "fit":
        raise UsageError("--fit names pictures to fit weights on; add --weights fit, or leave it out")
    journal = Journal(progress)
    with journal.stage("Load the members"):
        team = load_members(tuple(members), request.overrides, interpolation, journal.notice)
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
    conversion = run(replace(request, model=model), progress)
    firsts = {bundle.target: bundle for bundle in conversion.bundles[::-1]}
    costs = [cost for bundle in firsts.values() for cost in gain.costs(team, bundle, journal)]
    notices = dict.fromkeys((*journal.notices, *conversion.notices))
    return EnsembleConversion(
        conversion, average, tuple(scores), tuple(costs), judged_on, fitted_on, tuple(notices)
    )
