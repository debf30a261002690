"""One page for several bundles and latency records."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...models.printable import printable
from ...runtime.bench.record import Conditions, Record
from . import figures
from .fields import Fields
from .headline import headline, percent
from .matrix import device_of, matrices
from .templates import filled

_MOST_TIMELINES = 12
_ACCURACY, _AGREEMENT = "top-1 accuracy", "agreement with the original"


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A bundle, every figure in words; `key` has time in ms, quality in percent and bytes, if known.

    The quality is `accuracy`, the top-1 accuracy in percent, where every model has one, otherwise the
    agreement with the original.
    """

    title: str
    verdict: str
    said: str
    top1: str
    loss: str
    agreement: str
    size: str
    time: str
    speed: str
    key: tuple[float, float, float] | None
    accuracy: float | None

    def beats(self, other: "ModelRow") -> bool:
        """Whether it is as good in time, quality and size, and better in one of them."""
        if self.key is None or other.key is None or self.key == other.key:
            return False
        (time, kept, size), (their_time, theirs, their_size) = self.key, other.key
        return time <= their_time and kept >= theirs and size <= their_size


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A latency record, every figure in words, with its samples as a figure."""

    model: str
    device: str
    engine: str
    threads: int
    median: str
    high: str
    trusted: bool
    why: str
    timeline: str | None
    conditions: str


def overview(bundles: Sequence[tuple[str, dict[str, Any]]], records: Sequence[Record]) -> str:
    """The page as HTML: bundles by their folders' names with their manifests, and records.

    Raises:
        MissingDependencyError: Jinja or matplotlib is not installed.
    """
    manifests = [Fields(manifest) for _, manifest in bundles]
    rows = [_model(name, manifest) for (name, _), manifest in zip(bundles, manifests, strict=True)]
    measured = all(row.accuracy is not None for row in rows if row.key is not None)
    if measured:
        rows = [_by_accuracy(row) for row in rows]
    count, plural = len(bundles) + len(records), "s" * (len(bundles) != 1)
    parts = [f"{len(bundles)} model{plural}"] if bundles else []
    parts += [f"{len(records)} latency record{'s' * (len(records) != 1)}"] if records else []
    return filled(
        "overview.html.j2",
        title=" and ".join(parts) if count else "nothing",
        bundles=rows,
        trade=_trade(rows, _ACCURACY if measured else _AGREEMENT),
        quality=_ACCURACY if measured else _AGREEMENT,
        matrices=matrices(manifests, records),
        records=[_record(record, shown=place < _MOST_TIMELINES) for place, record in enumerate(records)],
    )


def _by_accuracy(row: ModelRow) -> ModelRow:
    if row.key is None or row.accuracy is None:
        return row
    time, _, size = row.key
    return replace(row, key=(time, row.accuracy, size))


def _trade(rows: Sequence[ModelRow], quality: str) -> str | None:
    points = [
        (str(number), row.key[0], row.key[1], row.key[2], not any(other.beats(row) for other in rows))
        for number, row in enumerate(rows, 1)
        if row.key is not None
    ]
    if len(points) < 2:
        return None
    return figures.trade(points, "CPU milliseconds for a picture", f"{quality} in percent")


def _model(name: str, manifest: Fields) -> ModelRow:
    found, said = manifest.under("verification"), headline(manifest)
    own, agreement = found.number("quantized_accuracy", "top1"), found.number("agreement", "top1")
    size, ratio = manifest.number("structure", "size_bytes"), manifest.number("latency", "speedup", "ratio")
    times = (manifest.number("latency", side, "p50_ms") for side in ("quantized", "float"))
    time = next((value for value in times if value is not None), None)
    known = time is not None and agreement is not None and size is not None
    return ModelRow(
        title=printable(name),
        verdict=said.verdict,
        said=said.title,
        top1="" if own is None else percent(own),
        loss=_loss(found),
        agreement="" if agreement is None else percent(agreement, 1),
        size="" if size is None else f"{size / 1e6:.2f} MB",
        time="" if time is None else f"{time:.2f} ms",
        speed="" if ratio is None else f"{ratio:.2f} x",
        key=(time, 100 * agreement, size) if known else None,  # type: ignore[operator, arg-type]
        accuracy=None if own is None else 100 * own,
    )


def _loss(found: Fields) -> str:
    for kind, mark in (("drop", ""), ("estimate", "~")):
        lost, low, high = (
            found.number(kind, *path) for path in (("points",), ("interval", "low"), ("interval", "high"))
        )
        if lost is not None and low is not None and high is not None:
            return f"{mark}{lost:.2f} ({low:.2f} to {high:.2f})"
    return ""


def _record(record: Record, *, shown: bool) -> RecordRow:
    return RecordRow(
        model=printable(record.model.title + (" (float)" if record.model.part == "reference" else "")),
        device=device_of(record),
        engine=printable(f"{record.engine.name} {record.engine.version}"),
        threads=record.threads,
        median=f"{record.summary.p50_ms:.2f} ms",
        high="" if record.summary.p90_ms is None else f"{record.summary.p90_ms:.2f} ms",
        trusted=record.verdict.trusted,
        why=printable("; ".join(record.verdict.doubts)),
        timeline=figures.timeline(record.samples_ms) if shown and record.samples_ms else None,
        conditions="Every inference in its order, and how often each time occurs. "
        + " ".join(_conditions(record)),
    )


def _conditions(record: Record) -> Iterator[str]:
    for name, found in (("Before", record.before), ("After", record.after)):
        if found is not None and (words := ", ".join(_words(found))):
            yield printable(f"{name}: {words}.")


def _words(found: Conditions) -> Iterator[str]:
    if found.temperatures_c:
        yield f"at most {max(found.temperatures_c.values()):.0f} °C"
    if found.frequencies_mhz:
        low, high = min(found.frequencies_mhz), max(found.frequencies_mhz)
        yield f"{low:.0f} MHz" if low == high else f"{low:.0f} to {high:.0f} MHz"
    if found.governors:
        yield f"governor {', '.join(sorted({*found.governors}))}"
