"""Collects what the report of each file shows beside its manifest."""

from collections.abc import Sequence
from dataclasses import replace

from ..quantize.refine.sensitivity import LayerError
from .judging import Judging
from .product import Draft
from .progress import Journal
from .report import Evidence, chosen, command, predictions, thumbnails
from .request import ConvertRequest
from .workshop import Workshop


def documented(
    drafts: Sequence[Draft], by: Judging, request: ConvertRequest, journal: Journal
) -> list[Draft]:
    """The drafts, each with the evidence for its report, if the request wants reports."""
    if not request.report:
        return [*drafts]
    found = []
    with journal.stage("Collect what the reports show") as progress:
        for done, draft in enumerate(drafts):
            found.append(with_evidence(draft, by, request))
            progress(done + 1, len(drafts))
    return found


def with_evidence(draft: Draft, by: Judging, request: ConvertRequest) -> Draft:
    """The draft with what its report shows beside its manifest."""
    layers = _layers(draft, by.workshop, request)
    return replace(draft, evidence=_evidence(draft, by, request), layers=layers)


def _evidence(draft: Draft, by: Judging, request: ConvertRequest) -> Evidence:
    spec = draft.file.artifact.spec
    tally, pictures = by.tally_of(draft)
    rows = predictions(tally, pictures, spec.labels)
    images = thumbnails(chosen(rows), pictures, spec.preprocess) if request.thumbnails else {}
    again = command(request, draft.file.artifact.target, draft.requested)
    return Evidence(rows, images, again, has_pipeline=request.pipeline is not None)


def _layers(draft: Draft, workshop: Workshop, request: ConvertRequest) -> tuple[LayerError, ...]:
    """What INT8 costs each layer, where activations are in INT8."""
    artifact = draft.file.artifact
    if not artifact.precision.integer:
        return ()
    recipe = request.recipe_for(artifact.target)
    if draft.cured and draft.recovery and draft.recovery.chosen:
        recipe = draft.recovery.chosen.rung.recipe
    return tuple(workshop.shown(recipe))
