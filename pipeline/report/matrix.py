"""Latency by device, runtime and precision: a table for each network, from bundles and latency records."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ...export.facts import TARGETS
from ...export.precision import Precision
from ...models.printable import printable
from ...runtime.bench.record import Record
from .fields import Fields

_TARGETS, _PRECISIONS = list(TARGETS), list(Precision)


@dataclass(frozen=True, slots=True)
class Cell:
    """A time in milliseconds, whether it can be trusted, and whether it is the least of its row."""

    milliseconds: float
    trusted: bool = True
    best: bool = False


@dataclass(frozen=True, slots=True)
class Matrix:
    """The times of one network: a row for each device, a column for each runtime and precision.

    `groups` are the titles of the runtimes with their numbers of columns; a cell is None where nothing was
    measured.
    """

    name: str
    groups: list[tuple[str, int]]
    precisions: list[str]
    rows: list[tuple[str, list[Cell | None]]]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A time with its place."""

    name: str
    device: str
    target: str
    precision: str
    cell: Cell


def matrices(bundles: Iterable[Fields], records: Iterable[Record]) -> list[Matrix]:
    """A matrix for each network with more than one time; of two times for one place, the latest record's."""
    entries = [entry for manifest in bundles for entry in _of_bundle(manifest)]
    entries += [_of_record(record) for record in sorted(records, key=lambda record: record.started)]
    entries = [entry for entry in entries if entry.target in _TARGETS and entry.precision in _PRECISIONS]
    found = []
    for name in dict.fromkeys(entry.name for entry in entries):
        own = {(e.device, e.target, e.precision): e.cell for e in entries if e.name == name}
        if len(own) > 1:
            found.append(_matrix(name, own))
    return found


def device_of(record: Record) -> str:
    """What a device is called: its board or processor, and how it was reached."""
    board = record.machine.board or record.machine.processor or record.device
    return printable(f"{board} ({record.device})" if board != record.device else board)


def _matrix(name: str, cells: dict[tuple[str, str, str], Cell]) -> Matrix:
    columns = sorted(
        {(target, precision) for _, target, precision in cells},
        key=lambda pair: (_TARGETS.index(pair[0]), _PRECISIONS.index(Precision(pair[1]))),
    )
    targets = dict.fromkeys(target for target, _ in columns)
    return Matrix(
        name,
        [(TARGETS[target].title, sum(one == target for one, _ in columns)) for target in targets],
        [precision for _, precision in columns],
        [
            (device, _marked([cells.get((device, *column)) for column in columns]))
            for device in dict.fromkeys(device for device, *_ in cells)
        ],
    )


def _marked(row: Sequence[Cell | None]) -> list[Cell | None]:
    """The row, in which the least of several trusted times is marked."""
    times = [cell.milliseconds for cell in row if cell is not None and cell.trusted]
    least = min(times) if len(times) > 1 else None
    return [
        replace(cell, best=True) if cell is not None and cell.trusted and cell.milliseconds == least else cell
        for cell in row
    ]


def _of_bundle(manifest: Fields) -> Iterator[_Entry]:
    """The times that an export took, which are CPU time, of the file and of its float model."""
    name, target = manifest.text("name"), manifest.text("target")
    processor = manifest.text("machine", "processor") or "the exporting machine"
    device = f"{processor}, at export (CPU time, 1 thread)"
    for side, precision in (("float", "fp32"), ("quantized", manifest.text("precision"))):
        time = manifest.number("latency", side, "p50_ms")
        if name and target and precision and time is not None:
            yield _Entry(name, device, target, precision, Cell(time))


def _of_record(record: Record) -> _Entry:
    model = record.model
    threads = f"{record.threads} thread{'s' * (record.threads != 1)}"
    cell = Cell(record.summary.p50_ms, record.verdict.trusted)
    return _Entry(
        printable(model.name), f"{device_of(record)}, {threads}", model.target, model.precision, cell
    )
