"""What got better or worse between two sweeps: of two versions of edgewise, of a library, or of weights."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from ...models.errors import RegressionError
from ...runtime.judge.drop import Verdict, drop
from ...runtime.judge.regression import Check
from ...runtime.judge.stats import Interval
from .figures import Share, SweepRow, SweptFile, SweptTime
from .record import SweepRecord
from .run import Sweep

_MOST = 3  # rows that the message of a regression names


@dataclass(frozen=True, slots=True)
class ScoreLimits:
    """How much worse a file may be: points of top-1, dB of SQNR, percent of size and of time."""

    drop: float = 1.0
    loss_db: float = 1.0
    growth: float = 5.0
    slowdown: float = 10.0


@dataclass(frozen=True, slots=True)
class Scored:
    """A measure of a file in both sweeps; without a `check`, `text` says what else has changed."""

    file: str
    text: str
    check: Check | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scorecard:
    """The files of two sweeps beside each other.

    `better` is what is better by its whole interval, `worse` what is worse by more than allowed; `slipped` is
    worse by its whole interval, but by less. `compared` counts measures. `missing` were only in the old
    sweep, `added` are only in the new one. `changes` are versions and machines that differ.
    """

    against: Path
    better: tuple[Scored, ...]
    worse: tuple[Scored, ...]
    slipped: tuple[Scored, ...]
    compared: int
    missing: tuple[str, ...]
    added: tuple[str, ...]
    changes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is worse than allowed."""
        return not self.worse

    def __repr__(self) -> str:
        counts = f"{len(self.better)} better, {len(self.worse)} worse, {len(self.slipped)} slightly worse"
        return f"<Scorecard against {self.against}: {counts} of {self.compared} measures>"

    def require(self) -> None:
        """Raise a `RegressionError` if something is worse than allowed."""
        if self.worse:
            told = [f"{one.file}: {one.text}" for one in self.worse[:_MOST]]
            more = f"; and {len(self.worse) - _MOST} more" if len(self.worse) > _MOST else ""
            raise RegressionError(f"worse than {self.against}: {'; '.join(told)}{more}")

    def to_json(self) -> dict[str, Any]:
        """Its part of the document `sweep`."""
        lists = {name: [*map(_plain, getattr(self, name))] for name in ("better", "worse", "slipped")}
        return {
            "against": str(self.against),
            "passed": self.passed,
            **lists,
            "compared": self.compared,
            "missing": list(self.missing),
            "added": list(self.added),
            "changes": list(self.changes),
        }


def score(new: Sweep, old: SweepRecord, path: Path, limits: ScoreLimits) -> Scorecard:
    """Compare a sweep with the record of an older one."""
    before = {row.title: row for row in old.rows}
    after = {row.title: row for row in new.rows}
    better, worse, slipped = list[Scored](), list[Scored](), list[Scored]()
    compared = 0
    for title in [title for title in before if title in after]:
        was, now = before[title], after[title]
        if (was.file is None) != (now.file is None):
            (worse if now.file is None else better).append(Scored(title, _fate(was, now)))
        for check in _checks(was, now, limits):
            compared += 1
            scored = Scored(title, check.text, check)
            if check.verdict is Verdict.FAIL:
                worse.append(scored)
            elif check.interval.low > 0:
                slipped.append(scored)
            elif check.interval.high < 0:
                better.append(scored)
    return Scorecard(
        against=path,
        better=tuple(better),
        worse=tuple(worse),
        slipped=tuple(slipped),
        compared=compared,
        missing=tuple(title for title in before if title not in after),
        added=tuple(title for title in after if title not in before),
        changes=tuple(_changes(new, old)),
    )


def _fate(was: SweepRow, now: SweepRow) -> str:
    if now.failure is not None:
        return f"was made and now fails: {now.failure.message}"
    return f"failed ({was.failure.exit_name.replace('_', ' ') if was.failure else 'unknown'}) and now is made"


def _checks(was: SweepRow, now: SweepRow, limits: ScoreLimits) -> Iterator[Check]:
    """Each measure that both rows have."""
    old, new = was.file, now.file
    if old is None or new is None:
        return
    same = was.pictures == now.pictures
    if old.top1 and new.top1:
        yield _accuracy(old, new, limits.drop, same_pictures=same)
    if same and new.precision != "fp32" and old.precision != "fp32":
        lost = old.sqnr_db - new.sqnr_db
        found = f"{old.sqnr_db:.1f} dB", f"{new.sqnr_db:.1f} dB"
        yield Check("SQNR", *found, lost, Interval(lost, lost), limits.loss_db, "dB")
    grown = 100 * (new.size_bytes / max(1, old.size_bytes) - 1)
    found = f"{old.size_bytes / 1e6:.2f} MB", f"{new.size_bytes / 1e6:.2f} MB"
    yield Check("size", *found, grown, Interval(grown, grown), limits.growth, "%")
    devices = {(time.device, time.processor, time.threads): time for time in was.times}
    for time in now.times:
        if earlier := devices.get((time.device, time.processor, time.threads)):
            yield from _time(earlier, time, limits.slowdown)


def _accuracy(old: SweptFile, new: SweptFile, allowed: float, *, same_pictures: bool) -> Check:
    """Picture by picture where both saw the same; otherwise by the interval of two independent shares."""
    assert old.top1 is not None  # noqa: S101 - checked by the caller
    assert new.top1 is not None  # noqa: S101
    texts = f"{100 * old.top1.value:.2f} %", f"{100 * new.top1.value:.2f} %"
    if same_pictures and old.right and new.right and len(old.right) == len(new.right):
        before, after = (np.array([*right]) == "1" for right in (old.right, new.right))
        lost = drop(before, after, allowed)
        return Check("top-1 accuracy", *texts, lost.points, lost.interval, allowed, "points")
    points, interval = _difference(old.top1, new.top1)
    return Check("top-1 accuracy on other pictures", *texts, points, interval, allowed, "points")


def _difference(old: Share, new: Share) -> tuple[float, Interval]:
    """By how many points a share falls, with Newcombe's interval (method 10, Stat. Med. 17:873, 1998)."""
    fall = old.value - new.value
    low = fall - sqrt((old.value - old.low) ** 2 + (new.high - new.value) ** 2)
    high = fall + sqrt((old.high - old.value) ** 2 + (new.value - new.low) ** 2)
    return 100 * fall, Interval(100 * low, 100 * high)


def _time(old: SweptTime, new: SweptTime, allowed: float) -> Iterator[Check]:
    """The time beside float, which other programs hardly change; the time itself only where trusted."""
    name = f"on {new.device}, {new.threads} thread{'s' * (new.threads > 1)}"
    if old.speedup and new.speedup and min(new.speedup.low, old.speedup.low) > 0:
        worse, low, high = (
            100 * (ratio - 1)
            for ratio in (
                old.speedup.value / new.speedup.value,
                old.speedup.low / new.speedup.high,
                old.speedup.high / new.speedup.low,
            )
        )
        texts = f"{old.speedup.value:.2f} times as fast as float", f"{new.speedup.value:.2f} times"
        yield Check(f"speed {name}", *texts, worse, Interval(low, high), allowed, "%")
    if old.trusted and new.trusted and old.low_ms and old.high_ms and new.low_ms and new.high_ms:
        worse, low, high = (
            100 * (ratio - 1)
            for ratio in (new.p50_ms / old.p50_ms, new.low_ms / old.high_ms, new.high_ms / old.low_ms)
        )
        texts = f"{old.p50_ms:.2f} ms", f"{new.p50_ms:.2f} ms"
        yield Check(f"time {name}", *texts, worse, Interval(low, high), allowed, "%")


def _changes(new: Sweep, old: SweepRecord) -> Iterator[str]:
    for name in sorted({*new.versions, *old.versions}):
        was, now = old.versions.get(name, "not installed"), new.versions.get(name, "not installed")
        if was != now:
            yield f"{name} {was} -> {now}"
    if old.machine.isa != new.machine["isa"]:
        yield f"instruction set {old.machine.isa} -> {new.machine['isa']}"


def _plain(scored: Scored) -> dict[str, Any]:
    found = asdict(scored)
    if scored.check is not None:
        found["check"]["verdict"] = str(scored.check.verdict)
    return found
