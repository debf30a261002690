"""Times what a sweep has made: alone, after everything is built, one network and target at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...export.precision import Precision
from ...models.errors import EdgewiseError
from ...runtime import machine
from ...runtime.bench.compare import comparisons
from ...runtime.bench.record import Record
from ...runtime.bench.subject import Subject
from ...runtime.bundle import Bundle
from ..bench import bench
from ..libraries import versions
from ..progress import Journal
from .cache import Cache
from .figures import Change, SweptTime
from .keys import address


@dataclass(frozen=True, slots=True)
class TimingPlan:
    """Where and how long each file is timed."""

    devices: tuple[str, ...] = ("local",)
    threads: int = 1
    seconds: float = 4.0
    launches: int = 5


class Timer:
    """Times bundles of a cache, and remembers."""

    def __init__(self, cache: Cache, plan: TimingPlan, journal: Journal) -> None:
        self._cache, self._plan, self._journal = cache, plan, journal
        self._here = {"machine": machine.describe(), "versions": versions()}

    def known(self, key: str) -> tuple[SweptTime, ...] | None:
        """The times of the entry of that key, if it was timed."""
        return self._cache.times(self._key(key))

    def time(self, groups: Sequence[Sequence[str]]) -> dict[str, tuple[SweptTime, ...]]:
        """The times of entries by their keys; each group is timed in alternation, with its float model.

        A group that cannot be timed is a notice, and is missing.
        """
        found: dict[str, tuple[SweptTime, ...]] = {}
        if not groups:
            return found
        with self._journal.stage(f"Time {sum(map(len, groups))} files, one after the other") as counter:
            for done, group in enumerate(groups):
                counter(done, len(groups))
                try:
                    found |= self._group(group)
                except EdgewiseError as error:
                    self._journal.notice(f"not timed: {error}")
        return found

    def _group(self, keys: Sequence[str]) -> dict[str, tuple[SweptTime, ...]]:
        plan = self._plan
        bundles = {key: Bundle.open(self._cache.bundle(key)) for key in keys}
        measured = bench(
            [*bundles.values()],
            devices=plan.devices,
            threads=plan.threads,
            seconds=plan.seconds,
            launches=plan.launches,
            results=self._cache.results,
        )
        for one in measured.devices:
            if one.error is not None:
                self._journal.notice(f"not timed: {one.error}")
        runs = [run for run, _ in measured.runs]
        found = {}
        for key, bundle in bundles.items():
            times = tuple(time for run in runs for time in _times(run, bundle))
            if len(times) == len(plan.devices):
                self._cache.add_times(self._key(key), times)
            found[key] = times
        return found

    def _key(self, key: str) -> str:
        plan = self._plan
        how = {"devices": plan.devices, "threads": plan.threads, "seconds": plan.seconds}
        return address({"entry": key, **how, "launches": plan.launches, **self._here})


def _times(run: Sequence[Record], bundle: Bundle) -> list[SweptTime]:
    """The times of one bundle in a run; its record may be that of a float file that several bundles hold."""
    wanted = Subject(bundle, "model", bundle.model).model.sha256
    speedups = {pair.fast: Change.of(pair.ratio.ratio, pair.ratio.interval) for pair in comparisons(run)}
    for record in run:
        if record.model.sha256 == wanted and not record.machine.emulated:
            float_file = bundle.precision is Precision.FP32
            return [_short(record, None if float_file else speedups.get(record.id))]
    return []


def _short(record: Record, speedup: Change | None) -> SweptTime:
    interval = record.p50_interval
    return SweptTime(
        device=record.device,
        processor=record.machine.board or record.machine.processor,
        engine=f"{record.engine.name} {record.engine.version}",
        threads=record.threads,
        p50_ms=record.summary.p50_ms,
        low_ms=interval.low if interval else None,
        high_ms=interval.high if interval else None,
        p90_ms=record.summary.p90_ms,
        peak_rss_bytes=record.peak_rss_bytes,
        speedup=speedup,
        trusted=record.verdict.trusted,
        doubts=record.verdict.doubts,
        started=record.started,
        record=record.id,
    )
