"""What a training run has learned, by its answers to the validation pictures."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ...models.training.answers import ValidationAnswer
from ...runtime.judge.stats import Interval, wilson
from .headline import percent

_ONE_FOR_ALL = 0.9  # of the answers are one class, which has less than half of the pictures
_FIX = (
    "Train for more epochs, with a lower --learning-rate or from pretrained weights (--weights), and look "
    "at the folders with edgewise data show"
)


@dataclass(frozen=True, slots=True)
class ClassScore:
    """A class, its pictures, how many are answered right, and what most others are taken for."""

    name: str
    count: int
    right: int
    taken_for: str

    @property
    def share(self) -> float:
        """The fraction answered right."""
        return self.right / self.count


@dataclass(frozen=True, slots=True)
class Mistake:
    """`count` pictures of class `label` that get the answer `answer`."""

    label: str
    answer: str
    count: int


@dataclass(frozen=True, slots=True)
class Score:
    """The top-1 accuracy with its 95 % interval, and what always the commonest class as the answer gives."""

    top1: float
    interval: Interval
    guessing: float
    count: int

    @property
    def at_chance(self) -> bool:
        """Whether the accuracy cannot be told from that of guessing."""
        return self.interval.low <= self.guessing


def score(answers: Sequence[ValidationAnswer]) -> Score:
    """The accuracy of at least one answer."""
    right, count = sum(row.right for row in answers), len(answers)
    commonest = Counter(row.label for row in answers).most_common(1)[0][1]
    return Score(right / count, wilson(right, count), commonest / count, count)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a training seems to have taught nothing: in words that stand alone, and in a sentence."""

    certain: bool
    sentence: str

    @property
    def title(self) -> str:
        """What it comes to."""
        return "NOTHING LEARNED" if self.certain else "AT CHANCE"


def doubt(answers: Sequence[ValidationAnswer]) -> Doubt | None:
    """What speaks against a training; None where it taught something, or without answers.

    It is certain where one class takes nearly every answer, or where always the commonest class would do as
    well; otherwise the interval of the accuracy contains that.
    """
    if not answers:
        return None
    found, said = score(answers), []
    (name, times), *_ = Counter(row.answer for row in answers).most_common(1)
    share, own = times / found.count, sum(row.label == name for row in answers) / found.count
    if one_for_all := share >= _ONE_FOR_ALL and own < share / 2:
        said.append(f"the network answers {name!r} to {times:,} of {found.count:,} validation pictures")
    if found.at_chance:
        said.append(
            f"its top-1 of {percent(found.top1)} on {found.count:,} validation pictures cannot be told from "
            f"chance: to answer the commonest class always gives {percent(found.guessing)}"
        )
    if not said:
        return None
    return Doubt(one_for_all or found.top1 <= found.guessing, "; ".join(said))


def warnings(answers: Sequence[ValidationAnswer]) -> list[str]:
    """The sentence about a training that seems to have taught nothing, if it does, and what to do."""
    found = doubt(answers)
    if found is None:
        return []
    more = "" if found.certain else ", and validate with more pictures"
    return [f"{found.title}: {found.sentence}. {_FIX}{more}"]


def classes(answers: Sequence[ValidationAnswer]) -> list[ClassScore]:
    """Every class that has pictures, the worst first."""
    of: defaultdict[str, list[ValidationAnswer]] = defaultdict(list)
    for row in answers:
        of[row.label].append(row)
    found = [
        ClassScore(name, len(rows), sum(row.right for row in rows), _commonest_mistake(rows))
        for name, rows in of.items()
    ]
    return sorted(found, key=lambda one: (one.share, -one.count, one.name))


def mistakes(answers: Sequence[ValidationAnswer]) -> list[Mistake]:
    """Which class is taken for which, the most frequent first."""
    counts = Counter((row.label, row.answer) for row in answers if not row.right)
    return [Mistake(*pair, count) for pair, count in counts.most_common()]


def worst(answers: Sequence[ValidationAnswer]) -> list[ValidationAnswer]:
    """The pictures that are answered wrong, the surest answers first."""
    return sorted((row for row in answers if not row.right), key=lambda row: -row.probability)


def confusion(answers: Sequence[ValidationAnswer], most: int) -> tuple[list[str], list[list[int]]]:
    """Names of classes, and how often each of them (rows) gets each of them as the answer (columns).

    Where there are more classes than `most`, those in the most mistakes.
    """
    names = sorted({name for row in answers for name in (row.label, row.answer)})
    if len(names) > most:
        wrong = Counter(name for row in answers if not row.right for name in (row.label, row.answer))
        names = sorted(sorted(names, key=lambda name: -wrong[name])[:most])
    counts = Counter((row.label, row.answer) for row in answers)
    return names, [[counts[label, answer] for answer in names] for label in names]


def _commonest_mistake(rows: Sequence[ValidationAnswer]) -> str:
    found = Counter(row.answer for row in rows if not row.right).most_common(1)
    return f"{found[0][0]} ({found[0][1]:,})" if found else ""
