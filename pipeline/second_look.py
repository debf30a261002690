"""Looks for another reading of labels or pictures where the float model seems to be wrong."""

from dataclasses import replace

from ..models.spec import Preprocess
from ..runtime import Session
from ..runtime.judge.evaluation import Answers, Pictures
from ..runtime.judge.known import Known
from ..runtime.judge.plausibility import warnings
from ..runtime.judge.readings import better_order, better_pixels
from .progress import Journal


def second_look(
    session: Session,
    answered: Answers,
    pictures: Pictures,
    preprocess: Preprocess,
    known: Known,
    journal: Journal,
) -> Known:
    """Add what was found to what is known of the model; `session` is the float one, the first of `answered`.

    Another order of labels costs nothing and is always tried. Other pixels are tried only where labelled
    pictures speak against the float model, and no other order explains that.
    """
    exact = answered.logits[0]
    if answered.labels is None:
        return known
    reading = better_order(exact, answered, pictures)
    alone = replace(answered, logits=(exact, exact))
    if reading is None and warnings(alone, pictures, known):
        with journal.unplanned(), journal.stage("Try other scales and orders of channels") as progress:
            reading = better_pixels(session, pictures, preprocess, progress)
    return replace(known, readings=(reading,)) if reading else known
