"""The steps of a conversion, each a function of what the steps before it made."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..export.precision import Precision
from ..models.errors import AccuracyError, LatencyError
from ..models.model import Model
from ..quantize.calibration import DEFAULT_COUNT, FAST_COUNT, Calibration, from_folder, generated
from ..quantize.recipe import Recipe
from ..quantize.refine.sensitivity import LayerError
from ..runtime import runtime
from ..runtime.bench.latency import Latency
from ..runtime.judge import saturation
from ..runtime.judge.evaluation import Pictures
from ..runtime.judge.plausibility import EXPORTED
from ..runtime.processors import listed
from .failures import Failures
from .judging import Asked, Judging, judging
from .product import Draft
from .progress import Journal
from .recovery import Recovery, Search
from .refused import Refusals
from .request import ConvertRequest
from .workshop import Twin, Workshop, beside_others


class GateError(AccuracyError):
    """The accuracy gate of a target, with the layers that lose most and what was tried to pass it."""

    def __init__(
        self, message: str, layers: Sequence[LayerError] = (), recovery: Recovery | None = None
    ) -> None:
        super().__init__(message)
        self.layers, self.recovery = tuple(layers), recovery

    def details(self) -> dict[str, Any]:
        """The layers, worst first, the attempts, and the page about them."""
        trials = self.recovery.trials if self.recovery else []
        found = self.recovery and self.recovery.symptoms
        return super().details() | {
            "layers": [asdict(layer) for layer in self.layers],
            "recovery": [trial.to_json() for trial in trials],
            "diagnosis": found and found.to_json(),
        }


def calibration(request: ConvertRequest, model: Model) -> Calibration:
    """The pictures to calibrate with: a folder of the user's, or generated ones."""
    default = FAST_COUNT if request.effort == "fast" else DEFAULT_COUNT
    chosen = model.spec.preprocess, request.calib_count, request.seed, default
    return generated(*chosen) if request.calib is None else from_folder(Path(request.calib), *chosen)


def files(request: ConvertRequest, workshop: Workshop, journal: Journal, failures: Failures) -> list[Asked]:
    """Every file that can be made: the precision that was asked for, its float twin, and the file."""
    forms = {
        (target, precision): _form(target, precision, request, workshop, journal)
        for target in request.targets
        for precision in request.precisions
    }
    planned = sum(precision.quantized for precision in request.precisions) if workshop.refines else 0
    journal.expect(workshop.refinements(filter(None, forms.values())) - planned)
    made: list[Asked] = []
    for target in request.targets:
        wanted = {precision: forms[target, precision] for precision in request.precisions}
        smaller = sum(precision is not Precision.FP32 for precision in wanted)
        # Its stages: convert and compare; make each smaller file; measure each.
        with failures.apart(target, wanted, stages=2 + smaller + len(wanted)):
            if caveat := runtime(target).caveat():
                journal.notice(caveat)
            twin = workshop.twin(target)
            for precision, form in wanted.items():
                made += _file(precision, twin, form, workshop, failures)
    return made


def _file(
    precision: Precision, twin: Twin, form: Recipe | None, workshop: Workshop, failures: Failures
) -> list[Asked]:
    """The one file, or none if it cannot be made."""
    if precision is Precision.FP32:
        return [(precision, twin, twin)]
    with failures.apart(twin.artifact.target, [precision], stages=2):
        if form is None:
            return [(precision, twin, workshop.halved(twin))]
        return [(form.precision, twin, workshop.quantized(twin, form))]
    return []


def _form(
    target: str, precision: Precision, request: ConvertRequest, workshop: Workshop, journal: Journal
) -> Recipe | None:
    """How a file of that precision is quantized; None if its weights stay in float."""
    if not precision.quantized:
        return None
    light = precision is Precision.W8A32 or _better_light(target, request, workshop, journal)
    recipe = request.recipe_for(target)
    return recipe.weights_alone() if light else recipe


def _better_light(target: str, request: ConvertRequest, workshop: Workshop, journal: Journal) -> bool:
    """Whether INT8 weights alone serve better, where --int8 leaves the form open; says so."""
    missing = workshop.without_int8(target) if request.form_is_open else []
    if missing:
        journal.notice(
            f"{target} has no fast INT8 form of {' and '.join(missing)}; using w8a32 (INT8 weights, "
            "activations scaled per picture), which is faster and more accurate; --precision w8a8 insists "
            "on INT8"
        )
    return bool(missing)


def judged(
    made: list[Asked], pictures: Pictures, request: ConvertRequest, workshop: Workshop, journal: Journal
) -> tuple[list[Draft], Judging]:
    """Let all files answer the same pictures, in one pass over them."""
    found = judging(made, pictures, request.limits, workshop, request.means, journal)
    files = beside_others([file for _, _, file in made])
    drafts = [
        Draft(precision, twin, file, found.verdict(twin, file))
        for (precision, twin, _), file in zip(made, files, strict=True)
    ]
    for draft in drafts:
        _warn(draft, journal)
    return drafts, found


def _warn(draft: Draft, journal: Journal) -> None:
    """Report what is suspicious: of the float model once, of a file made from it with the file's title."""
    for warning in draft.verification.warnings:
        own = warning.startswith(EXPORTED)
        journal.notice(f"{draft.file.title}: {warning}" if own else warning)
    kept = draft.file.fidelity
    if kept is not None and kept.suspicious:
        journal.notice(f"{draft.file.title}: {kept.complaint()}")


def gated(
    drafts: list[Draft],
    by: Judging,
    request: ConvertRequest,
    journal: Journal,
    failures: Failures,
    refusals: Refusals,
) -> list[Draft]:
    """Those that pass the gate, if need be as other files, all judged by the same pictures."""
    passed: list[Draft] = []
    for draft in drafts:
        with failures.apart(draft.file.artifact.target, [draft.requested], stages=1):
            passed.append(_gated(draft, by, request, journal, refusals))
    return by.same_pictures(passed)


def _gated(draft: Draft, by: Judging, request: ConvertRequest, journal: Journal, refusals: Refusals) -> Draft:
    """The draft once it has passed the gate, if need be as another file."""
    workshop = by.workshop
    integer = draft.file.artifact.precision.integer
    failed = draft.verification
    if not failed.passed and failed.curable and request.recover and integer:
        journal.notice(f"{draft.file.title}: {failed.reason()}. Trying other forms")
        search = Search(workshop, draft.twin, by.pictures, request.limits, request.means, journal)
        with journal.unplanned():
            recipe = request.recipe_for(draft.file.artifact.target)
            found = search.climb(draft.file, recipe, request.recover_budget)
        draft = replace(draft, recovery=found)
        if found.chosen is not None and found.verification is not None:
            cured = replace(draft, file=found.chosen.file, verification=found.verification)
            _warn(cured, journal)
            if found.verification.passed:
                journal.notice(f"{cured.file.title} passes: {found.chosen.rung.title}")
                return cured
            journal.notice(f"{found.chosen.rung.title} did not help: {found.verification.reason()}")
    try:
        draft.verification.require()
    except AccuracyError as error:
        if not request.force:
            message = f"{draft.file.title}: {error}. It was not written; --force writes it anyway"
            with journal.unplanned():
                recipe = request.recipe_for(draft.file.artifact.target)
                layers = workshop.sensitivities(recipe) if integer else []
            recovery = draft.recovery and draft.recovery.closed()
            refused = GateError(message, layers, recovery)
            refusals.report(draft, refused)
            raise refused from error
        journal.notice(f"{draft.file.title}: {error}. Written anyway (--force)")
    return draft


def timed(
    drafts: list[Draft],
    request: ConvertRequest,
    workshop: Workshop,
    journal: Journal,
    failures: Failures,
    refusals: Refusals,
) -> list[tuple[Draft, Latency]]:
    """Those that are fast enough, with their latencies."""
    found: list[tuple[Draft, Latency]] = []
    for draft in drafts:
        with failures.apart(draft.file.artifact.target, [draft.requested], stages=1):
            latency = _latency(draft, request, workshop, journal, refusals)
            found.append((_observed(draft, workshop, journal), latency))
    return found


def _latency(
    draft: Draft, request: ConvertRequest, workshop: Workshop, journal: Journal, refusals: Refusals
) -> Latency:
    """The latency of what passed the accuracy gate, once that has passed its own."""
    title = draft.file.title
    with journal.stage(f"Measure latency of {title}"):
        found = workshop.timed(draft.twin, draft.file)
    if draft.quantized or len(request.precisions) == 1:  # a float file beside others is their twin
        try:
            found.require(request.speed, title)
        except LatencyError as error:
            refusals.report(draft, error, found)
            raise
    return found


def _observed(draft: Draft, workshop: Workshop, journal: Journal) -> Draft:
    """The draft, with what its calibration pictures show where products can exceed 16 bits; says so."""
    structure, title = draft.file.structure, draft.file.title
    if not structure.overflow:
        return draft
    with journal.unplanned(), journal.stage(f"Look for saturated products of {title}"):
        seen = workshop.observed(draft.file)
    scope = f"so the verdict holds for {listed(draft.file.processors)} only"
    journal.notice(f"{title}: {saturation.explain(structure)}, {scope}; {seen.text}")
    return replace(draft, observed=seen)
