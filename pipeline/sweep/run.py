"""The job: take what the cache has, make what it lacks, time everything at the end, and tell the result."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...models.errors import EdgewiseError, UsageError
from ..cluster.connection import ClusterPlan
from ..document import document
from ..progress import Journal, Progress
from ..report import require
from ..request import at_least
from .build import Builder, Task
from .cache import Cache, CacheEntry
from .figures import SweepRow, SweptTime
from .keys import Keys, address
from .plan import SweptNetwork
from .record import keep_record
from .spread import SpreadBuilder
from .timing import Timer, TimingPlan

GIGABYTE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """What a sweep does: `networks` with their settings, and the `cache` of at most `cache_gb`.

    `timing` is None where nothing is to be timed. With `retry`, failures are tried again that would fail
    in the same way; `timeout_s` is the most that one network may take. `ray` is the cluster that makes them.
    """

    networks: Sequence[SweptNetwork]
    cache: Path
    cache_gb: float = 20.0
    timing: TimingPlan | None = field(default_factory=TimingPlan)
    retry: bool = False
    timeout_s: float = 4 * 3600.0
    ray: ClusterPlan | None = None

    def __post_init__(self) -> None:
        if not self.networks:
            raise UsageError("no network was given; pass at least one name, or --config with some")
        at_least("cache_size", self.cache_gb, 0)
        at_least("timeout", self.timeout_s, 1)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sweep:
    """The result: a row for each file, and what it took. `made` and `reused` count files."""

    rows: tuple[SweepRow, ...]
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    seconds: float
    cache: Path
    notices: tuple[str, ...] = ()

    @property
    def made(self) -> int:
        """How many files were made or tried anew."""
        return sum(not row.reused for row in self.rows)

    @property
    def failed(self) -> tuple[SweepRow, ...]:
        """The rows without a file."""
        return tuple(row for row in self.rows if row.failure is not None)

    def __repr__(self) -> str:
        return (
            f"<Sweep of {len(self.rows)} files: {self.made} made, {len(self.rows) - self.made} reused, "
            f"{len(self.failed)} failed; {self.seconds:.1f} s>"
        )

    def require(self) -> None:
        """Raise an `EdgewiseError` if nothing at all could be made."""
        if len(self.failed) == len(self.rows):
            first = self.failed[0]
            assert first.failure is not None  # noqa: S101 - by definition
            raise EdgewiseError(f"no file could be made; {first.title}: {first.failure.message}")

    def to_json(self) -> dict[str, Any]:
        """The document `sweep`."""
        return document(
            "sweep",
            rows=[asdict(row) for row in self.rows],
            versions=dict(self.versions),
            machine=dict(self.machine),
            seconds=round(self.seconds, 3),
            made=self.made,
            reused=len(self.rows) - self.made,
            failed=len(self.failed),
            cache=str(self.cache),
            notices=list(self.notices),
        )


def run(request: SweepRequest, progress: Progress | None = None) -> Sweep:
    """Run a checked request. A file that cannot be made is a row with its reason, and ends nothing.

    Raises:
        UsageError: the cache is another folder, or another sweep uses it.
        EdgewiseError: the cache or a file of the settings cannot be read or written.
    """
    from ...runtime import machine
    from ..libraries import versions

    require()
    journal, start = Journal(progress), time.perf_counter()
    cache = Cache(request.cache)
    with cache.locked():
        with journal.stage("Look into the cache"):
            tasks, pictures = _tasks(request.networks)
            known = _known(cache, tasks, retry=request.retry)
        entries = dict(known)
        entries |= _built(request, cache, _missing(tasks, known), journal)
        times = _timed(request, cache, tasks, entries, journal)
        for line in cache.damaged:
            journal.notice(f"{line}; made again")
        removed = cache.shrink(int(request.cache_gb * GIGABYTE), {task.key for task in tasks})
        if removed:
            journal.notice(
                f"the cache was larger than {request.cache_gb:g} GB: {len(removed)} entries that were not "
                "used for longest were removed"
            )
    rows = tuple(
        _row(task, entries[task.key], cache, times.get(task.key, ()), pictures[task.key], task.key in known)
        for task in tasks
    )
    spent = time.perf_counter() - start
    found = Sweep(rows, versions(), machine.describe(), spent, cache.folder, tuple(journal.notices))
    keep_record(cache, found.to_json(), [row.key for row in rows])
    return found


def _tasks(networks: Iterable[SweptNetwork]) -> tuple[list[Task], dict[str, str]]:
    """Every file to have, each once, and by its key what its pictures are."""
    keys, found, pictures = Keys(), dict[str, Task](), dict[str, str]()
    for network in networks:
        network.request(None).require_files()
        for target, precision in network.pairs:
            material = keys.material(network, target, precision)
            task = Task(network, target, precision, address(material), material)
            found.setdefault(task.key, task)
            pictures[task.key] = keys.pictures(network)
    return [*found.values()], pictures


def _known(cache: Cache, tasks: Iterable[Task], *, retry: bool) -> dict[str, CacheEntry]:
    """What need not be made: files, and failures that would come again."""
    found = {task.key: cache.find(task.key) for task in tasks}
    return {
        key: entry
        for key, entry in found.items()
        if entry is not None and (entry.failure is None or (entry.failure.lasts and not retry))
    }


def _missing(tasks: Iterable[Task], known: Mapping[str, CacheEntry]) -> list[list[Task]]:
    """The other tasks by network."""
    groups: dict[int, list[Task]] = {}
    for task in tasks:
        if task.key not in known:
            groups.setdefault(id(task.network), []).append(task)
    return [*groups.values()]


def _built(
    request: SweepRequest, cache: Cache, groups: Sequence[Sequence[Task]], journal: Journal
) -> dict[str, CacheEntry]:
    """Files, and failures, of all these networks."""
    if request.ray is not None:
        return SpreadBuilder(request.ray, cache, journal, request.timeout_s).build(groups)
    builder, entries = Builder(cache, journal, request.timeout_s), dict[str, CacheEntry]()
    for group in groups:
        entries |= builder.build(group)
    return entries


def _timed(
    request: SweepRequest,
    cache: Cache,
    tasks: Iterable[Task],
    entries: Mapping[str, CacheEntry],
    journal: Journal,
) -> dict[str, tuple[SweptTime, ...]]:
    """The latencies of all files that were made, old and new."""
    if request.timing is None:
        return {}
    timer = Timer(cache, request.timing, journal)
    made = [task for task in tasks if entries[task.key].file is not None]
    old = {task.key: found for task in made if (found := timer.known(task.key)) is not None}
    groups: dict[tuple[int, str], list[str]] = {}
    for task in made:
        if task.key not in old:
            groups.setdefault((id(task.network), task.target), []).append(task.key)
    return old | timer.time([*groups.values()])


def _row(
    task: Task,
    entry: CacheEntry,
    cache: Cache,
    times: tuple[SweptTime, ...],
    pictures: str,
    reused: bool,
) -> SweepRow:
    return SweepRow(
        network=task.network.title,
        target=task.target,
        requested=str(task.precision),
        key=task.key,
        bundle=str(cache.bundle(task.key)) if entry.file is not None else None,
        file=entry.file,
        failure=entry.failure,
        times=times,
        pictures=pictures,
        seconds=entry.seconds,
        peak_rss_bytes=entry.peak_rss_bytes,
        reused=reused,
    )
