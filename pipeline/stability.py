"""How much INT8 files depend on their calibration pictures: each is made from either half of them, too."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..models.errors import EdgewiseError
from ..quantize.calibration import FEWEST, Calibration
from ..quantize.recipe import Recipe
from ..runtime.judge import evaluation
from ..runtime.judge.evaluation import answers
from ..runtime.judge.stability import Stability, stability
from ..runtime.judge.tally import Tally
from .judging import Judging
from .product import Draft
from .progress import Journal, silent
from .request import ConvertRequest
from .workshop import Workshop


def compared(
    drafts: Sequence[Draft], by: Judging, request: ConvertRequest, work: Path, journal: Journal
) -> list[Draft]:
    """The drafts, each INT8 one with its stability, if the request wants it measured."""
    halves = _halves(by.workshop.calibration)
    integer = [draft for draft in drafts if draft.file.artifact.precision.integer]
    if not (request.measures_stability and halves and integer):
        journal.expect(-request.measures_stability)
        if request.measures_stability and integer:
            journal.notice(f"Stability was not measured: it needs at least {2 * FEWEST} calibration pictures")
        return [*drafts]
    workshops = [by.workshop.calibrated_with(half, work / f"half-{at}") for at, half in enumerate(halves)]
    found: dict[int, Stability] = {}
    with journal.stage("Calibrate with either half of the pictures") as progress:
        for done, draft in enumerate(integer):
            recipe = request.recipe_for(draft.file.artifact.target)
            try:
                found[id(draft)] = _compared(draft, by, workshops, recipe)
            except EdgewiseError as error:
                journal.notice(f"{draft.file.title}: its stability could not be measured: {error}")
            progress(done + 1, len(integer))
    for draft in integer:
        if id(draft) in found and (warning := found[id(draft)].warning()):
            journal.notice(f"{draft.file.title}: {warning}")
    return [replace(draft, stability=found.get(id(draft))) for draft in drafts]


def _compared(draft: Draft, by: Judging, workshops: Sequence[Workshop], recipe: Recipe) -> Stability:
    if draft.cured and draft.recovery and draft.recovery.chosen:
        recipe = draft.recovery.chosen.rung.recipe
    files = [workshop.quantized(draft.twin, recipe) for workshop in workshops]
    answered = by.tally.sample
    if answered is None:
        raise EdgewiseError("none of the pictures for it can be read")
    pictures = replace(evaluation.take(by.pictures, answered.indices.tolist()), decided=None)
    sessions = [file.session for file in files]
    halves = answers(sessions, pictures, by.workshop.model.spec.preprocess, silent).logits
    exact = answered.logits[by.places[id(draft.twin.session)]]
    tally = Tally.of(replace(answered, logits=(exact, *halves)))
    count = min(len(workshop.calibration.pixels) for workshop in workshops)
    return stability(count, tally, by.limits, generated=by.pictures.generated)


def _halves(calibration: Calibration) -> list[Calibration]:
    """Every other picture, and the rest; none if either would have too few."""
    halves = [replace(calibration, pixels=calibration.pixels[at::2]) for at in range(2)]
    return halves if len(halves[1].pixels) >= FEWEST else []
