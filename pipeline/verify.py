"""Prove a bundle again, on this machine. Needs no torch."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..models.data.copies import Seen
from ..models.errors import ParityError, UsageError
from ..models.files import write_file
from ..models.overrides import PathLike
from ..runtime import Session, open_session
from ..runtime.bundle import Bundle
from ..runtime.devices import AnsweringDevice
from ..runtime.devices.answers import Beside, BoardCheck, DeviceSession, answering_device
from ..runtime.first_opening import require_sound
from ..runtime.judge import evaluation, saturation
from ..runtime.judge.answering import Means, tallied
from ..runtime.judge.drop import Drop, Verdict
from ..runtime.judge.estimate import Estimate
from ..runtime.judge.evaluation import Pictures
from ..runtime.judge.golden import GoldenCheck, check
from ..runtime.judge.stats import Agreement
from ..runtime.judge.tally import Tally
from ..runtime.judge.verdict import Verification, judge
from . import report as pages
from .checks import require_folder
from .claims import known
from .document import document
from .progress import Journal, Progress
from .request import answering, at_least, limits
from .second_look import second_look

if TYPE_CHECKING:
    from .cluster.connection import ClusterPlan


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VerifiedBundle:
    """What `verify` found: the golden sample's result, and the verdict where there is a float model.

    `verification` is None where there is nothing to judge the model by: a float bundle, without `data`. With
    a device it is that of the model there, and `board` compares it with this machine.
    """

    bundle: Bundle
    golden: GoldenCheck
    verification: Verification | None
    notices: tuple[str, ...] = ()
    board: BoardCheck | None = None

    @property
    def passed(self) -> bool:
        """Whether the accuracy gate is passed, or there is nothing to judge it by."""
        return self.verification is None or self.verification.passed

    @property
    def verdict(self) -> Verdict | None:
        """What the accuracy gate says; None where there is nothing to judge by."""
        return None if self.verification is None else self.verification.verdict

    @property
    def drop(self) -> Drop | None:
        """The loss of top-1 accuracy in percentage points; None without labels."""
        return None if self.verification is None else self.verification.drop

    @property
    def estimate(self) -> Estimate | None:
        """The estimated loss where photographs without labels judged; None otherwise."""
        return None if self.verification is None else self.verification.estimate

    @property
    def agreement(self) -> Agreement | None:
        """How the model answers beside its float model; None where there is none."""
        return None if self.verification is None else self.verification.agreement

    def __repr__(self) -> str:
        judged = self.verification
        found = f"{judged.title}, {judged.reason()}" if judged else "golden sample alone"
        return f"<VerifiedBundle {self.bundle.target} {self.bundle.precision}: {found}; {self.bundle.folder}>"

    def require(self) -> None:
        """Raise an `AccuracyError` where the accuracy gate is not passed."""
        if self.verification is not None:
            self.verification.require()

    def to_json(self) -> dict[str, Any]:
        """The document `verification`."""
        return document(
            "verification",
            bundle=str(self.bundle.folder),
            golden=asdict(self.golden),
            verification=self.verification.to_json() if self.verification else None,
            notices=list(self.notices),
            board=asdict(self.board) if self.board else None,
        )


def verify(
    bundle: PathLike,
    *,
    data: PathLike | None = None,
    max_drop: float = 1.0,
    min_agreement: float = 0.75,
    min_top1: float | None = None,
    strict: bool = False,
    threads: int = 2,
    jobs: int | None = None,
    device: str | None = None,
    ray: str | None = None,
    ray_cpus: int = 1,
    ray_memory: float = 4.0,
    report: PathLike | None = None,
    progress: Progress | None = None,
) -> VerifiedBundle:
    """Check a bundle's files, run its golden sample, and judge the model by the float model that it carries.

    Accuracy is judged by `data`, or by the generated set where the bundle has the bundled weights. Without
    labels, generated pictures show whether the model follows its float model, and the verdict is UNPROVEN.
    The result does not raise for a verdict: call its `require()`, or look at `passed`.

    Args:
        bundle: The bundle's folder, or a `Bundle` such as `convert` returns.
        data: Labelled folders.
        max_drop: Largest loss of top-1 accuracy, in percentage points.
        min_agreement: Smallest top-1 agreement with the float model, from 0 to 1, without labels.
        min_top1: Smallest top-1 accuracy of the model itself, in percent, on labelled pictures.
        strict: Fail also where the pictures are too few to decide, or cannot prove an accuracy.
        threads: Threads of the engine; one in each of several processes.
        jobs: Processes that answer pictures, where there are many; one per core without it.
        device: Run the model on `ssh://user@host[:port]`, `adb[:serial]` or `browser`, and its float model
            here.
        ray: Answer pictures on the Ray cluster at `HOST:PORT` or `auto`, by at most `jobs` actors.
        ray_cpus: CPUs of a node that each actor is given.
        ray_memory: Memory of a node that each actor is given, in GB.
        report: An HTML file to write: the bundle's report, with what was found now.
        progress: Receives stages and notices; silent without it.

    Raises:
        UsageError: There is no such bundle, pictures of `data` were used for calibration, or `min_top1`
            was given without labelled pictures.
        ParityError: The golden sample comes out differently on this machine, or on the device.
        MissingDependencyError: The engine is not installed, or Ray for `ray`.
        EdgewiseError: The bundle is damaged, its manifest does not describe its model file, or the device or
            the cluster cannot be used.
    """
    place = _place(device, ray)
    cluster = None if ray is None else _cluster(ray, ray_cpus, ray_memory)
    wanted = limits(max_drop, min_agreement, min_top1, strict=strict)
    at_least("threads", threads, 1)
    answering(jobs)  # is checked before anything takes time
    if report is not None:
        pages.require()
    opened = Bundle.open(Path(bundle))
    undescribed = require_sound(opened)
    folder = None if data is None else Path(data)
    if folder is not None:
        require_folder(folder, "a folder of labelled pictures")
    judged_by_pictures = opened.reference is not None or folder is not None
    pictures = overlap = None
    if judged_by_pictures:
        pictures = evaluation.choose(opened.spec, folder, evaluation.GENERATED, photos=(), seed=0)
        overlap = evaluation.refuse_overlap(pictures, Seen.from_json(opened.calibration or {}))
    wanted.require_measurable(pictures)
    journal = Journal(progress, 1 + judged_by_pictures + (report is not None))
    means = answering(jobs, resuming=journal.notice)
    unfit = saturation.unfit_here(opened) if place is None else None
    for notice in (*filter(None, [undescribed, unfit, overlap]), *(pictures.notices if pictures else ())):
        journal.notice(notice)
    with ExitStack() as stack:
        title = "Run the golden sample" if device is None else f"Run the golden sample on {device}"
        with journal.stage(title):
            session: Session = open_session(opened.model, opened.target, threads)
            there = beside = None
            if place is not None:
                there = stack.enter_context(DeviceSession(place, opened, threads))
                session = beside = Beside(there, session, there.identity)
            golden = _checked(opened, session, unfit)
        if pictures is None:
            if report is not None:
                with journal.stage("Write the report"):
                    _write(Path(report), opened.manifest, pages.Evidence())
            return VerifiedBundle(opened, golden, None, tuple(journal.notices), _board(place, there, beside))
        with journal.stage(f"Judge by {pictures.count} pictures") as counter:
            exact = open_session(opened.reference or opened.model, opened.target, threads)
            tally = tallied(
                [exact, session],
                pictures,
                opened.spec.preprocess,
                counter,
                _spread(means, stack, cluster, (opened.model, opened.reference, folder)),
            )
        board = _board(place, there, beside)
    told = known(opened.spec, opened.manifest.get("training"))
    told = second_look(exact, tally, pictures, opened.spec.preprocess, told, journal)
    judged = judge(tally, pictures, wanted, told)
    for warning in judged.warnings:
        journal.notice(warning)
    if report is not None:
        with journal.stage("Write the report"):
            _report(Path(report), opened, tally, pictures, judged, journal.notices)
    return VerifiedBundle(opened, golden, judged, tuple(journal.notices), board)


def _place(device: str | None, ray: str | None) -> AnsweringDevice | None:
    if device is None:
        return None
    if ray is not None:
        raise UsageError("ray: a device answers the pictures itself; leave out one of --device and --ray")
    return answering_device(device)


def _cluster(address: str, cpus: int, memory_gb: float) -> "ClusterPlan":
    from .cluster.connection import ClusterPlan

    return ClusterPlan(address, cpus, memory_gb)


def _spread(
    means: Means, stack: ExitStack, plan: "ClusterPlan | None", paths: Sequence[Path | None]
) -> Means:
    """`means` with a cluster, whose nodes see `paths`, if there is one."""
    if plan is None:
        return means
    from .cluster.actors import on_cluster

    elsewhere = on_cluster(plan, [*filter(None, paths)], means.jobs)
    return replace(means, elsewhere=stack.enter_context(elsewhere))


def _board(
    place: AnsweringDevice | None, there: DeviceSession | None, beside: Beside | None
) -> BoardCheck | None:
    """How the device answered, the golden sample included."""
    if place is None or there is None or beside is None:
        return None
    return beside.result(place.name, there.board)


def _report(
    path: Path,
    bundle: Bundle,
    tally: Tally,
    pictures: Pictures,
    judged: Verification,
    notices: Sequence[str],
) -> None:
    rows = pages.predictions(tally, pictures, bundle.spec.labels)
    images = pages.thumbnails(pages.chosen(rows), pictures, bundle.spec.preprocess)
    found = {"verification": judged.to_json(), "notices": [*notices]}
    _write(path, bundle.manifest | found, pages.Evidence(rows, images))


def _write(path: Path, manifest: dict[str, Any], evidence: pages.Evidence) -> None:
    write_file(path, pages.rendered(manifest, evidence).encode("utf-8", "replace"))


def _checked(bundle: Bundle, session: Session, unfit: str | None) -> GoldenCheck:
    """The golden sample's result; where it differs on a processor that the file is not for, that is why."""
    try:
        return check(bundle, session)
    except ParityError as error:
        raise ParityError(f"{error}; {unfit}" if unfit else str(error)) from error
