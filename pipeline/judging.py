"""All files answer the same pictures in one pass, and every row of the result is judged by the same ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..export.precision import Precision
from ..runtime.judge import evaluation
from ..runtime.judge.answering import Means, tallied
from ..runtime.judge.evaluation import Pictures
from ..runtime.judge.limits import Limits
from ..runtime.judge.tally import Tally
from ..runtime.judge.verdict import Verification, judge
from .product import Draft
from .progress import Journal, silent
from .second_look import second_look
from .workshop import File, Twin, Workshop

Asked: TypeAlias = tuple[Precision, Twin, File]  # the precision that was asked for, the float file, the file


@dataclass(frozen=True, slots=True, eq=False)
class Judging:
    """What all files answered, the limits that judge it, and the means of asking again.

    `places` are those of the sessions in the tally, by their `id`.
    """

    workshop: Workshop
    pictures: Pictures
    limits: Limits
    tally: Tally
    places: dict[int, int]
    means: Means

    def verdict(self, twin: Twin, file: File) -> Verification:
        """`file` beside its float twin; the twin itself is judged beside the original network."""
        return judge(self._pair(twin, file), self.pictures, self.limits, self.workshop.known)

    def same_pictures(self, drafts: Sequence[Draft]) -> list[Draft]:
        """The drafts, all judged by what the search for another form has not seen, where one was cured.

        Each keeps whether it passes: what all pictures have proven of a file is not undone because another
        file needed some of them for a search.
        """
        if not any(draft.cured for draft in drafts) or not self.pictures.files:
            return [*drafts]
        left = evaluation.for_verdict(self.pictures)
        return [draft if draft.cured else self._again(draft, left) for draft in drafts]

    def tally_of(self, draft: Draft) -> tuple[Tally, Pictures]:
        """The answers that the verdict of `draft` rests on, float first, and the pictures they are for."""
        if id(draft.file.session) not in self.places:  # a form that recovery has found
            _, pictures = evaluation.split(self.pictures)
            preprocess = self.workshop.model.spec.preprocess
            sessions = [draft.twin.session, draft.file.session]
            return tallied(sessions, pictures, preprocess, silent, self.means), pictures
        pair = self._pair(draft.twin, draft.file)
        if draft.verification.agreement.count == len(pair.indices):
            return pair, self.pictures
        left = evaluation.for_verdict(self.pictures)
        return pair.among(left), evaluation.take(self.pictures, left)

    def _again(self, draft: Draft, left: Sequence[int]) -> Draft:
        pair = self._pair(draft.twin, draft.file).among(left)
        if not len(pair.indices):
            return draft
        pictures = evaluation.take(self.pictures, left)
        found = judge(pair, pictures, self.limits, self.workshop.known)
        return replace(draft, verification=found) if found.passed == draft.verification.passed else draft

    def _pair(self, twin: Twin, file: File) -> Tally:
        exact = self.workshop.original if file is twin else twin.session
        return self.tally.of_sessions(self.places[id(exact)], self.places[id(file.session)])


def judging(
    made: Sequence[Asked],
    pictures: Pictures,
    limits: Limits,
    workshop: Workshop,
    means: Means,
    journal: Journal,
) -> Judging:
    """Let all files answer `pictures`, and the original network too where a float file is asked for."""
    original = [workshop.original] if any(file is twin for _, twin, file in made) else []
    twins = list({id(twin): twin for _, twin, _ in made}.values())
    others = [file for _, twin, file in made if file is not twin]
    sessions = [*original, *(file.session for file in (*twins, *others))]
    with journal.stage(f"Judge by {pictures.count} pictures") as progress:
        tally = tallied(sessions, pictures, workshop.model.spec.preprocess, progress, means)
    places = {id(session): place for place, session in enumerate(sessions)}
    preprocess = workshop.model.spec.preprocess
    workshop.known = second_look(sessions[0], tally, pictures, preprocess, workshop.known, journal)
    return Judging(workshop, pictures, limits, tally, places, means)
