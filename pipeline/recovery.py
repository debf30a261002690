"""When INT8 loses too much: climb the ladder of `quantize/ladder.py` until a file keeps its accuracy.

`quantize/diagnosis.py` says which part of the ladder comes first, by what `symptoms.py` measures.

Rungs are judged by pictures that neither calibrated nor give the final verdict, which is given once, to the
rung that was chosen.
"""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..models.errors import EdgewiseError
from ..quantize.diagnosis import Cure, Part, Symptoms, plan
from ..quantize.ladder import Rung, rungs
from ..quantize.recipe import Recipe
from ..runtime.bench.latency import Latency
from ..runtime.judge import evaluation
from ..runtime.judge.answering import Means
from ..runtime.judge.evaluation import Pictures
from ..runtime.judge.limits import Limits
from ..runtime.judge.verdict import Verification
from .progress import Journal
from .symptoms import symptoms
from .workshop import File, Twin, Workshop

# What failed once may pass by luck on other pictures: a cure must also leave no more than half of those on
# which the answers differ. (SQNR would not do: a few pictures with huge logits decide it.)
_MOST_LEFT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One rung: what it is, how it answers the search pictures, and what it costs."""

    rung: Rung
    file: File
    verification: Verification
    latency: Latency

    @property
    def disagreement(self) -> float:
        """The part of the pictures that it answers otherwise than its float twin."""
        return 1 - self.verification.agreement.top1

    def cures(self, failed: "Trial") -> bool:
        """Whether it may be expected to pass the gate that `failed` did not pass.

        The loss itself, not its interval alone, must be within the limit, or a single picture.
        """
        found = self.verification
        lost, limit = found.drop or found.estimate, found.limits.max_drop
        within = lost is None or lost.points <= max(limit, 100 / lost.count)
        return found.passed and within and self.disagreement <= _MOST_LEFT * failed.disagreement

    @property
    def costs(self) -> tuple[float, float, int]:
        """What should be small: disagreement, latency (ms) and size (bytes)."""
        latency = self.latency.quantized or self.latency.float
        return self.disagreement, latency.p50_ms, self.file.structure.size_bytes

    def beaten_by(self, other: "Trial") -> bool:
        """Whether `other` is as good in all its costs and better in one."""
        better = all(theirs <= mine for mine, theirs in zip(self.costs, other.costs, strict=True))
        return better and self.costs != other.costs

    def to_json(self) -> dict[str, Any]:
        """Plain data for a manifest."""
        return {
            "title": self.rung.title,
            "reason": self.rung.reason,
            "precision": str(self.file.artifact.precision),
            "verification": self.verification.to_json(),
            "latency": asdict(self.latency),
            "size_bytes": self.file.structure.size_bytes,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Recovery:
    """What was tried, the first attempt first; the cure and its verdict, if there is one.

    `symptoms` are what the order of the attempts follows; None if there was no time to measure them.
    """

    trials: list[Trial]
    chosen: Trial | None = None
    verification: Verification | None = None
    symptoms: Symptoms | None = None

    def closed(self) -> "Recovery":
        """The same without inference engines, as plain data."""
        trials = {id(trial): replace(trial, file=trial.file.closed()) for trial in self.trials}
        chosen = None if self.chosen is None else trials[id(self.chosen)]
        return replace(self, trials=[*trials.values()], chosen=chosen)

    @property
    def best(self) -> list[Trial]:
        """The Pareto front of fidelity, latency and size."""
        return [trial for trial in self.trials if not any(map(trial.beaten_by, self.trials))]


class Search:
    """The ladder of one target, and the clock."""

    def __init__(
        self,
        workshop: Workshop,
        twin: Twin,
        pictures: Pictures,
        limits: Limits,
        means: Means,
        journal: Journal,
    ) -> None:
        self._workshop, self._twin, self._limits, self._journal = workshop, twin, limits, journal
        self._means = means
        self._pictures, self._verdict = evaluation.split(pictures)

    def climb(self, failed: File, recipe: Recipe, budget_s: float) -> Recovery:
        """Try the rungs, the likeliest and cheapest first; none begins when `budget_s` seconds are over."""
        self._end = time.monotonic() + budget_s
        found = None if self._late() else symptoms(self._workshop, self._twin, failed, recipe)
        order = plan(found, recipe, refines=self._workshop.refines)
        trials = [self._trial(Rung("unchanged", recipe, "as it was asked for"), failed)]
        for line in order.skipped:
            self._journal.notice(line)
        for part in order.parts:
            self._journal.notice(f"Trying {part.step}: {part.reason}")
            if chosen := self._cure(trials, self._rungs(part, recipe, trials)):
                verdict = self._judged(chosen.file, self._verdict)
                return Recovery(trials, chosen, verdict, found)
            if self._late():
                break
            if part.step is Cure.NO_OVERFLOW:
                recipe = replace(recipe, no_overflow=True)
        return Recovery(trials, symptoms=found)

    def _rungs(self, part: Part, recipe: Recipe, trials: list[Trial]) -> Iterable[Rung]:
        """The rungs of a part, some of which stand on the best that `trials` hold by then."""
        best = min(trials, key=lambda trial: trial.disagreement).rung.recipe
        measured = part.step is Cure.FLOAT_LAYERS
        layers = [layer.name for layer in self._workshop.sensitivities(best)] if measured else []
        return rungs(part, recipe, best, layers)

    def _late(self) -> bool:
        return time.monotonic() > self._end

    def _cure(self, trials: list[Trial], rungs: Iterable[Rung]) -> Trial | None:
        """The first of `rungs` that cures, or one further on, as long as each cures more than the last."""
        cure: Trial | None = None
        for rung in rungs:
            if self._late():
                self._journal.notice(f"No time left for {rung.title}; --recover-budget gives more")
                break
            try:
                trial = self._trial(rung, self._workshop.quantized(self._twin, rung.recipe))
            except EdgewiseError as error:
                self._journal.notice(f"{rung.title}: {error}")
                continue
            trials.append(trial)
            if trial.cures(cure or trials[0]):
                cure = trial
                if not cure.disagreement:
                    break
            elif cure is not None:
                break
        return cure

    def _judged(self, file: File, pictures: Pictures) -> Verification:
        return self._workshop.judged(self._twin, file, pictures, self._limits, self._means)

    def _trial(self, rung: Rung, file: File) -> Trial:
        verification = self._judged(file, self._pictures)
        return Trial(rung, file, verification, self._workshop.timed(self._twin, file))
