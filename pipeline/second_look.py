"""Looks for another reading of labels or pictures where the float model seems to be wrong."""

from dataclasses import replace

from ..models.spec import Preprocess
from ..runtime import Session
from ..runtime.judge.evaluation import Pictures
from ..runtime.judge.known import Known
from ..runtime.judge.plausibility import warnings
from ..runtime.judge.readings import better_order, better_pixels
from ..runtime.judge.tally import Tally
from .progress import Journal


def second_look(
    session: Session,
    tally: Tally,
    pictures: Pictures,
    preprocess: Preprocess,
    known: Known,
    journal: Journal,
) -> Known:
    """Add what was found to what is known of the model; `session` is the float one, the first of `tally`.

    Another order of labels costs nothing and is always tried. Other pixels are tried only where labelled
    pictures speak against the float model, and no other order explains that.
    """
    if tally.labels is None:
        return known
    reading = better_order(tally.side(0), pictures)
    if reading is None and warnings(tally.of_sessions(0), pictures, known):
        with journal.unplanned(), journal.stage("Try other scales and orders of channels") as progress:
            reading = better_pixels(session, pictures, preprocess, progress)
    return replace(known, readings=(reading,)) if reading else known
