"""What a sweep keeps of each file: figures with their conditions, as plain data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from ...models.sizes import written
from ...runtime.judge.stats import Accuracy, Agreement, Interval
from ...runtime.structure import Structure
from ..product import Product
from ..report.predictions import Prediction


@dataclass(frozen=True, slots=True)
class Share:
    """A fraction of `count` pictures with its 95 % interval."""

    value: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, found: Accuracy | Agreement) -> Self:
        """Top-1 accuracy, or top-1 agreement."""
        return cls(found.top1, found.top1_interval.low, found.top1_interval.high, found.count)


@dataclass(frozen=True, slots=True)
class Change:
    """A difference or a ratio with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, interval: Interval) -> Self:
        """`value` with an interval."""
        return cls(value, interval.low, interval.high)


@dataclass(frozen=True, slots=True)
class SweptFile:
    """A file that was made and judged; its figures are those of the bundle's manifest.

    `right` says of each picture with a label, in the order of their names, whether the answer is right: '1'
    or '0'. It is what two sweeps are compared by, picture by picture. `drop` is the loss of top-1 against
    float in percentage points. Of the `operators` that compute, `integer_operators` use integer arithmetic.
    """

    precision: str
    verdict: str
    basis: str
    reason: str
    pixels: str
    weights: str
    weights_sha256: str
    size_bytes: int
    float_size_bytes: int
    parity: float
    sqnr_db: float
    agreement: Share
    top1: Share | None
    drop: Change | None
    operators: int
    integer_operators: int
    right: str | None

    @classmethod
    def of(cls, product: Product, answers: Sequence[Prediction]) -> Self:
        """The figures of a product, with its answers to single pictures."""
        found, spec = product.verification, product.bundle.spec
        operators = _computing(product.file.structure)
        return cls(
            precision=str(product.precision),
            verdict=str(found.verdict),
            basis=str(found.basis),
            reason=found.reason(),
            pixels=written(spec.preprocess.size),
            weights=spec.origin.description,
            weights_sha256=spec.origin.sha256,
            size_bytes=product.size_bytes,
            float_size_bytes=product.twin.structure.size_bytes,
            parity=product.twin.parity.max_rel,
            sqnr_db=found.agreement.sqnr_db,
            agreement=Share.of(found.agreement),
            top1=Share.of(found.quantized_accuracy) if found.quantized_accuracy else None,
            drop=Change.of(found.drop.points, found.drop.interval) if found.drop else None,
            operators=sum(operators.values()),
            integer_operators=operators[True],
            right=_right(answers),
        )


@dataclass(frozen=True, slots=True)
class SweptFailure:
    """Why a file was not made. What `lasts` would fail again in the same way, and is not tried again."""

    message: str
    exit_name: str
    exit_code: int
    lasts: bool


@dataclass(frozen=True, slots=True)
class SweptTime:
    """A latency record in short; `record` is its id. `speedup` is over float, measured in alternation.

    `low_ms` and `high_ms` are the 95 % interval of the median, None from fewer than five launches.
    """

    device: str
    processor: str | None
    engine: str
    threads: int
    p50_ms: float
    low_ms: float | None
    high_ms: float | None
    p90_ms: float
    peak_rss_bytes: int | None
    speedup: Change | None
    trusted: bool
    doubts: tuple[str, ...]
    started: str
    record: str


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One file of a sweep: what was asked for, and what came of it.

    `key` is its address in the cache, `bundle` its folder there. `reused` says that it was there before;
    `seconds` and `peak_rss_bytes` are those of the process that made all new files of the network.
    """

    network: str
    target: str
    requested: str
    key: str
    bundle: str | None
    file: SweptFile | None
    failure: SweptFailure | None
    times: tuple[SweptTime, ...]
    pictures: str
    seconds: float
    peak_rss_bytes: int | None
    reused: bool

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{self.network} {self.target} {self.requested}"


def _computing(structure: Structure) -> dict[bool, int]:
    """How many operators compute, by whether they do so in integers."""
    counts = {True: 0, False: 0}
    for operator in structure.operators:
        if operator.arithmetic != "cast":
            counts[operator.arithmetic.startswith("int")] += operator.count
    return counts


def _right(answers: Sequence[Prediction]) -> str | None:
    if not answers or not all(answer.label for answer in answers):
        return None
    ordered = sorted(answers, key=lambda answer: answer.picture)
    return "".join("01"[answer.answer == answer.label] for answer in ordered)
