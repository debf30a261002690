"""Compare two records of one run: a ratio with its interval, and a sentence about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log

from ...export.precision import Precision
from ...models.errors import UsageError
from ..judge.stats import Interval
from .record import BenchedModel, Record
from .timing import FEWEST_LAUNCHES, Ratio, bootstrap_ratio, launch_medians, mean_interval

_ALIKE = 0.01  # measured difference between two processes with the same file
_BLOCKS = 25  # each longer than the runner's turns, of which there are at least 50 in 10 seconds


@dataclass(frozen=True, slots=True)
class Comparison:
    """`ratio` is the speed of `fast` relative to `slow`, by medians; both are ids of records."""

    slow: str
    fast: str
    ratio: Ratio
    sentence: str


def compare(slow: Record, fast: Record) -> Comparison:
    """Compare `fast` with `slow`, which came before it in each round.

    Raises:
        UsageError: they were not interleaved, or were emulated, so that times mean nothing.
    """
    if slow.run != fast.run:
        raise UsageError(
            f"{slow.model.title} and {fast.model.title} were measured in different runs; "
            "pass both bundles to one `edgewise bench`"
        )
    if slow.machine.emulated:
        raise UsageError(
            f"times under {slow.machine.emulated} cannot be compared; measure on the device itself"
        )
    pairs = min(len(slow.samples_ms), len(fast.samples_ms))  # an interrupted run may end within a round
    ratio = bootstrap_ratio(slow.samples_ms[:pairs], fast.samples_ms[:pairs], blocks=_BLOCKS)
    count = len(slow.launches) if slow.launches == fast.launches else 0
    if count >= FEWEST_LAUNCHES:
        ratio = replace(ratio, interval=_over_launches(slow, fast))
    sentence = _sentence(ratio, *_names(slow.model, fast.model))
    return Comparison(slow.id, fast.id, ratio, sentence + _span(count))


def _over_launches(slow: Record, fast: Record) -> Interval:
    """The interval of the ratio of medians, on a scale of ratios: each launch had processes of its own."""
    pairs = zip(
        launch_medians(slow.samples_ms, slow.launches),
        launch_medians(fast.samples_ms, fast.launches),
        strict=True,
    )
    found = mean_interval([log(one / other) for one, other in pairs])
    return Interval(exp(found.low), exp(found.high))


def _span(launches: int) -> str:
    if launches >= FEWEST_LAUNCHES:
        return f" over {launches} launches"
    return " within launches, which differ by more"


def comparisons(records: Sequence[Record]) -> list[Comparison]:
    """The comparisons of a run: each model with its float model, and the others with the first."""
    real = [record for record in records if not record.machine.emulated]
    twins = [(_twin(record, real), record) for record in real]
    used = {twin.id for twin, _ in twins if twin is not None}
    rest = [record for record in real if record.id not in used]
    beside_twins = [
        _placed(compare(twin, record), record, real) for twin, record in twins if twin is not None
    ]
    return beside_twins + [compare(rest[0], other) for other in rest[1:]]


def _placed(comparison: Comparison, record: Record, records: Sequence[Record]) -> Comparison:
    """Add the model's name to the sentence if the run had several names or targets."""
    places = {(other.model.name, other.model.target) for other in records}
    if len(places) == 1:
        return comparison
    model = record.model
    return replace(comparison, sentence=f"{model.name} {model.target}: {comparison.sentence}")


def _twin(record: Record, records: Sequence[Record]) -> Record | None:
    model = record.model
    wanted = model.name, model.target, Precision.FP32
    same = [other for other in records if _key(other.model) == wanted]
    return same[0] if same and model.precision != Precision.FP32 else None


def _key(model: BenchedModel) -> tuple[str, str, str]:
    return model.name, model.target, model.precision


def _names(slow: BenchedModel, fast: BenchedModel) -> tuple[str, str]:
    """Names that distinguish the two: the precision, the title, or the title with the checksum."""
    if (slow.name, slow.target) == (fast.name, fast.target) and slow.precision != fast.precision:
        return _words(slow.precision), _words(fast.precision)
    if slow.title != fast.title:
        return slow.title, fast.title
    return f"{slow.title} ({slow.sha256[:8]})", f"{fast.title} ({fast.sha256[:8]})"


def _words(precision: str) -> str:
    found = Precision.named(precision)  # a newer edgewise's record may have another
    return found.words if found else precision


def _sentence(ratio: Ratio, slow: str, fast: str) -> str:
    low, high = ratio.interval.low, ratio.interval.high
    digits = 1 if high - low >= 0.1 else 2
    interval = f"95 % interval {low:.{digits}f} to {high:.{digits}f}"
    if low <= 1 + _ALIKE and high >= 1 - _ALIKE:
        return f"no difference shown between {fast} and {slow}: ratio {ratio.ratio:.{digits}f}, {interval}"
    way = "" if low > 1 else "slower: "
    return f"{fast} is {way}{ratio.ratio:.{digits}f} times as fast as {slow}, {interval}"
