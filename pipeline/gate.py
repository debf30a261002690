"""Compare a bundle with an older one, and say where it is worse. Needs no torch."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..export.artifact import model_files
from ..models.data.copies import Seen
from ..models.errors import RegressionError, UsageError
from ..models.overrides import PathLike
from ..runtime import open_session
from ..runtime.bench.latency import measure
from ..runtime.bundle import Bundle
from ..runtime.first_opening import require_sound
from ..runtime.judge import evaluation
from ..runtime.judge.answering import Means, tallied
from ..runtime.judge.drop import Verdict, drop, worst
from ..runtime.judge.evaluation import Pictures
from ..runtime.judge.regression import Check, lost_sqnr, median_db
from ..runtime.judge.stats import Interval
from ..runtime.judge.tally import Tally
from .checks import require_folder
from .document import document
from .progress import Journal, Progress
from .request import answering, at_least


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Gated:
    """What `gate` found: each measure of the new bundle beside the old one, by the same pictures."""

    bundle: Path
    baseline: Path
    pictures: str
    count: int
    checks: tuple[Check, ...]
    strict: bool
    notices: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all checks."""
        return worst(check.verdict for check in self.checks)

    @property
    def passed(self) -> bool:
        """Whether nothing is worse than allowed, and nothing undecided where that is `strict`."""
        return self.verdict is Verdict.PASS or (self.verdict is Verdict.INCONCLUSIVE and not self.strict)

    def __repr__(self) -> str:
        lines = (f"  {check.verdict}: {check.text}" for check in self.checks)
        return "\n".join([f"<Gated {self.bundle} beside {self.baseline}: {self.verdict}", *lines]) + ">"

    def require(self) -> None:
        """Raise a `RegressionError` if the new bundle is worse than allowed."""
        if not self.passed:
            failed = [check.text for check in self.checks if check.verdict is self.verdict]
            raise RegressionError(f"{self.bundle} is worse than {self.baseline}: {'; '.join(failed)}")

    def to_json(self) -> dict[str, Any]:
        """The document `gate`."""
        return document(
            "gate",
            bundle=str(self.bundle),
            baseline=str(self.baseline),
            pictures=self.pictures,
            count=self.count,
            verdict=str(self.verdict),
            passed=self.passed,
            checks=[asdict(check) | {"verdict": str(check.verdict)} for check in self.checks],
            notices=list(self.notices),
        )


def gate(
    bundle: PathLike,
    baseline: PathLike,
    *,
    data: PathLike | None = None,
    max_drop: float = 1.0,
    max_loss_db: float = 1.0,
    max_growth: float = 5.0,
    max_slowdown: float = 10.0,
    latency: bool = True,
    strict: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Gated:
    """Compare a bundle with an older one of the same classes, both run here on the same pictures.

    The result does not raise for a verdict: call its `require()`, or look at `passed`.

    Args:
        bundle: The new bundle's folder, or a `Bundle`.
        baseline: The older one.
        data: Labelled folders; accuracy is only compared with labels, or by the generated set of the bundled
            weights.
        max_drop: Largest loss of top-1 accuracy, in percentage points.
        max_loss_db: Largest loss of SQNR against the float models, in dB.
        max_growth: Largest growth of the file, in percent.
        max_slowdown: Largest slowdown on one thread of this machine, in percent.
        latency: Compare times too.
        strict: Fail also where an interval decides nothing.
        jobs: Processes that answer pictures, where there are many; one per core without it.
        progress: Receives stages and notices; silent without it.

    Raises:
        UsageError: The bundles have other classes, or a limit is negative.
        MissingDependencyError: An engine is not installed.
        EdgewiseError: A bundle is damaged.
    """
    for name, value in (
        ("max_drop", max_drop),
        ("max_loss_db", max_loss_db),
        ("max_growth", max_growth),
        ("max_slowdown", max_slowdown),
    ):
        at_least(name, value, 0)
    answering(jobs)  # is checked before anything takes time
    new, old = Bundle.open(Path(bundle)), Bundle.open(Path(baseline))
    if new.spec.labels.names != old.spec.labels.names:
        raise UsageError(f"{new.folder} and {old.folder} have other classes; compare bundles of one data set")
    if data is not None:
        require_folder(Path(data), "a folder of labelled pictures")
    notices = [require_sound(opened) for opened in (new, old)]
    pictures = evaluation.choose(new.spec, None if data is None else Path(data), evaluation.GENERATED, (), 0)
    pictures = replace(pictures, decided=None)  # which would be other ones for each bundle
    notices += [
        evaluation.refuse_overlap(pictures, Seen.from_json(it.calibration or {})) for it in (new, old)
    ]
    journal = Journal(progress, 2 + latency)
    means = answering(jobs, resuming=journal.notice)
    for notice in dict.fromkeys(filter(None, notices)):
        journal.notice(notice)
    tallies = [_tallied(opened, pictures, means, journal) for opened in (old, new)]
    checks = [*_answers(tallies, max_drop, max_loss_db), _size(old, new, max_growth)]
    if latency:
        with journal.stage("Measure both in turn"):
            checks += _time(old, new, max_slowdown, journal)
    count = len(tallies[1].indices)
    return Gated(
        new.folder, old.folder, pictures.description, count, tuple(checks), strict, tuple(journal.notices)
    )


def _tallied(bundle: Bundle, pictures: Pictures, means: Means, journal: Journal) -> Tally:
    """The answers of a bundle's float model, if it has one, and of its model."""
    with journal.stage(f"Judge {bundle.folder.name} by {pictures.count} pictures") as progress:
        files = bundle.reference or bundle.model, bundle.model
        sessions = [open_session(file, bundle.target, 2) for file in files]
        return tallied(sessions, pictures, bundle.spec.preprocess, progress, means)


def _answers(tallies: list[Tally], max_drop: float, max_loss_db: float) -> Iterator[Check]:
    """The checks of accuracy, where there are labels, and of fidelity, where both have a float model."""
    shared = sorted(set(tallies[0].indices.tolist()) & set(tallies[1].indices.tolist()))
    old, new = (tally.among(shared) for tally in tallies)
    if old.labels is not None:
        was, now = (tally.side(1).right for tally in (old, new))
        lost = drop(was, now, max_drop)
        first, second = (f"{100 * side.mean():.2f} %" for side in (was, now))
        yield Check("top-1 accuracy", first, second, lost.points, lost.interval, max_drop, "points")
    worse, interval = lost_sqnr(old, new)
    first, second = (f"{median_db(tally):.1f} dB" for tally in (old, new))
    yield Check("SQNR", first, second, worse, interval, max_loss_db, "dB")


def _size(old: Bundle, new: Bundle, allowed: float) -> Check:
    before, after = (_bytes(bundle) for bundle in (old, new))
    grown = 100 * (after / before - 1)
    first, second = (f"{size / 1e6:.2f} MB" for size in (before, after))
    return Check("size", first, second, grown, Interval(grown, grown), allowed, "%")


def _bytes(bundle: Bundle) -> int:
    return sum(file.stat().st_size for file in model_files(bundle.model))


def _time(old: Bundle, new: Bundle, allowed: float, journal: Journal) -> Iterator[Check]:
    """The check of time, where both take pictures of one size."""
    sessions = [open_session(bundle.model, bundle.target, 1) for bundle in (new, old)]
    picture, other = (bundle.golden().input for bundle in (new, old))
    if picture.shape != other.shape:
        journal.notice("Times are not compared: the bundles take pictures of other sizes")
        return
    found = measure(sessions, picture)
    if found.quantized is not None and found.speedup is not None:
        ratio, interval = found.speedup.ratio, found.speedup.interval
        slower, low, high = (100 * (value - 1) for value in (ratio, interval.low, interval.high))
        times = f"{found.quantized.p50_ms:.2f} ms", f"{found.float.p50_ms:.2f} ms"
        yield Check("time", times[0], times[1], slower, Interval(low, high), allowed, "%")
