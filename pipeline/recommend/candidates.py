"""Files that could be taken, each figure with where it comes from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from ...models.sizes import written
from ...models.zoo import Architecture, architectures
from ..sweep.figures import SweepRow, SweptTime

MEASURED, PUBLISHED, ESTIMATED = "measured", "published", "estimated"
PRECISIONS = ("fp32", "w8a8")
_BYTES = {"fp32": 4, "w8a8": 1}  # of a parameter
_FEWEST = 3  # networks from which a time per multiply-accumulate is taken
_UNTRAINED = "random"
# What a processor or board says of itself, by the name that `--for` takes.
_BOARDS = {"pi4": "raspberry pi 4", "pi5": "raspberry pi 5"}
_HERE = ("local", "host")


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, whether it was 'measured', 'published' or 'estimated', and its conditions in words."""

    value: float
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file of a network; figures that nobody knows are None. `top1` is in percent, sizes are in MB.

    `macs` are multiply-accumulate operations, which stand for a latency that nobody knows.
    """

    network: str
    target: str
    precision: str
    top1: Figure | None
    latency_ms: Figure | None
    size_mb: Figure | None
    memory_mb: Figure | None
    macs: float | None = None

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{self.network} {self.target} {self.precision}"


def candidates(rows: Sequence[SweepRow], targets: Iterable[str], device: str) -> list[Candidate]:
    """The measured files of these targets, and every other network of the zoo as it was published."""
    wanted = (*targets,)
    known = {row.name: row for row in architectures()}
    measured = {
        (row.network, row.target, row.requested): row
        for row in rows
        if row.file is not None and row.target in wanted and _comparable(row, known)
    }
    pace = _paces([*measured.values()], known, device)
    found = [_measured(row, known.get(row.network), device) for row in measured.values()]
    found += [
        _published(architecture, target, precision, pace.get((target, precision)), device)
        for architecture in known.values()
        for target in wanted
        for precision in PRECISIONS
        if (architecture.name, target, precision) not in measured
    ]
    return found


def time_on(row: SweepRow, device: str) -> SweptTime | None:
    """The time of a row on a device, with one thread where there are several; None where there is none."""
    times = sorted((time for time in row.times if _is(time, device)), key=lambda time: time.threads)
    return times[0] if times else None


def _is(time: SweptTime, device: str) -> bool:
    name, processor = device.casefold(), (time.processor or "").casefold()
    if name in _HERE:
        return time.device == "local"
    if name == "android":
        return time.device.startswith("adb")
    return _BOARDS.get(name, name) in processor or time.device.casefold() == name


def _comparable(row: SweepRow, known: dict[str, Architecture]) -> bool:
    """Whether it takes pictures of its network's own size: others say nothing about the published figures."""
    architecture = known.get(row.network)
    return architecture is None or (row.file is not None and row.file.pixels == written(architecture.size))


def _measured(row: SweepRow, architecture: Architecture | None, device: str) -> Candidate:
    file, time = row.file, time_on(row, device)
    assert file is not None  # noqa: S101 - of rows with a file
    memory = time.peak_rss_bytes if time else None
    return Candidate(
        row.network,
        row.target,
        row.requested,
        _top1(row, architecture),
        Figure(time.p50_ms, MEASURED, _conditions(time)) if time else None,
        Figure(file.size_bytes / 1e6, MEASURED, "size of the file"),
        Figure(memory / 1e6, MEASURED, _conditions(time)) if time and memory is not None else None,
        architecture.macs if architecture else None,
    )


def _conditions(time: SweptTime) -> str:
    trust = "" if time.trusted else ", not trusted"
    threads = f"{time.threads} thread{'s' * (time.threads > 1)}"
    return f"{time.device}, {time.processor or 'unknown processor'}, {threads}{trust}"


def _top1(row: SweepRow, architecture: Architecture | None) -> Figure | None:
    file = row.file
    assert file is not None  # noqa: S101 - of rows with a file
    if file.top1 is not None and not file.weights.startswith(_UNTRAINED):
        low, high = 100 * file.top1.low, 100 * file.top1.high
        note = f"on {file.top1.count:,} pictures, 95 % interval {low:.1f} to {high:.1f}"
        return Figure(100 * file.top1.value, MEASURED, note)
    return _published_top1(architecture)


def _published_top1(architecture: Architecture | None) -> Figure | None:
    if architecture is None or architecture.top1 is None:
        return None
    return Figure(architecture.top1, PUBLISHED, "of the float network, on ImageNet's validation set")


def _published(
    architecture: Architecture, target: str, precision: str, pace: float | None, device: str
) -> Candidate:
    """A file as its published figures let expect it; `pace` is in ms per multiply-accumulate."""
    latency = size = None
    if pace is not None and architecture.macs:
        note = f"from its multiply-accumulates and what other networks take on {device}"
        latency = Figure(pace * architecture.macs, ESTIMATED, note)
    if architecture.parameters:
        note = "from the published number of parameters"
        size = Figure(architecture.parameters * _BYTES[precision] / 1e6, ESTIMATED, note)
    top1 = _published_top1(architecture)
    return Candidate(architecture.name, target, precision, top1, latency, size, None, architecture.macs)


def _paces(
    rows: Iterable[SweepRow], known: dict[str, Architecture], device: str
) -> dict[tuple[str, str], float]:
    """The median time of a multiply-accumulate by target and precision, where enough networks were timed."""
    found: dict[tuple[str, str], list[float]] = {}
    for key, pace in _each(rows, known, device):
        found.setdefault(key, []).append(pace)
    return {key: median(paces) for key, paces in found.items() if len(paces) >= _FEWEST}


def _each(
    rows: Iterable[SweepRow], known: dict[str, Architecture], device: str
) -> Iterator[tuple[tuple[str, str], float]]:
    for row in rows:
        architecture, time = known.get(row.network), time_on(row, device)
        if architecture is not None and architecture.macs and time is not None:
            yield (row.target, row.requested), time.p50_ms / architecture.macs
