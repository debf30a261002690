"""The answers to single pictures, and predictions.csv."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...models import tables
from ...models.printable import printable
from ...models.spec import Labels
from ...runtime.judge.evaluation import Pictures
from ...runtime.judge.tally import Tally


@dataclass(frozen=True, slots=True)
class Prediction:
    """A picture with what the float model and the shipped one say; `label` is empty without labels."""

    picture: str
    label: str
    float_answer: str
    float_probability: float
    answer: str
    probability: float

    @property
    def changed(self) -> bool:
        """Whether the two answers differ."""
        return self.float_answer != self.answer

    @property
    def lost(self) -> bool:
        """Whether the float model is right and the shipped one wrong."""
        return bool(self.label) and self.float_answer == self.label != self.answer

    @property
    def gained(self) -> bool:
        """Whether the shipped model is right and the float one wrong."""
        return bool(self.label) and self.answer == self.label != self.float_answer


@dataclass(frozen=True, slots=True)
class Confusion:
    """`count` pictures of one label whose answer changed in the same way."""

    label: str
    float_answer: str
    answer: str
    count: int


def predictions(tally: Tally, pictures: Pictures, labels: Labels) -> list[Prediction]:
    """The answers of two models, the float one first, to each picture that was read."""
    sides = [tally.side(0), tally.side(1)]
    tops = [side.answers for side in sides]
    shares = [side.confidence for side in sides]
    return [
        Prediction(
            printable(pictures.name(index)),
            "" if tally.labels is None else labels.names[tally.labels[row]],
            labels.names[tops[0][row]],
            round(float(shares[0][row]), 6),
            labels.names[tops[1][row]],
            round(float(shares[1][row]), 6),
        )
        for row, index in enumerate(tally.indices.tolist())
    ]


def confusions(found: Iterable[Prediction]) -> list[Confusion]:
    """The changed answers, the most frequent first."""
    counts = Counter((row.label, row.float_answer, row.answer) for row in found if row.changed)
    return [Confusion(*key, count) for key, count in counts.most_common()]


def from_csv(path: Path) -> list[Prediction]:
    """The rows of a predictions.csv; none if it is not there.

    Raises:
        EdgewiseError: it is not such a table.
    """
    return tables.from_csv(Prediction, path, "export the bundle again")
