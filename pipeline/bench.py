"""Measure latency on several devices at once; each record is saved as soon as it exists."""

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, cast

from ..export.artifact import model_files
from ..models.errors import EdgewiseError, MissingDependencyError, UsageError
from ..models.overrides import PathLike
from ..runtime.bench.compare import Comparison, comparisons
from ..runtime.bench.delegate import Accelerator
from ..runtime.bench.gather import Gathered
from ..runtime.bench.record import Record
from ..runtime.bench.request import BenchRequest, Contender
from ..runtime.bench.store import Store, default_path, slower
from ..runtime.bundle import Bundle
from ..runtime.devices import Device, device
from ..runtime.first_opening import require_sound
from .document import document
from .progress import Counter, Journal, Progress
from .request import listed

_HERE = ("local", "browser")  # on one machine they would disturb each other


@dataclass(slots=True)
class DeviceRun:
    """The records of each run on one device, which models got slower, and the error that ended it, if any."""

    device: str
    runs: list[list[Record]] = field(default_factory=list)
    slower: list[str] = field(default_factory=list)
    error: EdgewiseError | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Benchmark:
    """The result of `bench`: what each device gave, in the order in which they were named."""

    devices: tuple[DeviceRun, ...]
    results: Path | None
    notices: tuple[str, ...] = ()

    @property
    def runs(self) -> list[tuple[list[Record], list[Comparison]]]:
        """The records of every run with the comparisons between them."""
        runs = [run for one in self.devices for run in one.runs if run]
        return [(run, comparisons(run)) for run in runs]

    @property
    def records(self) -> list[Record]:
        """Every record."""
        return [record for run, _ in self.runs for record in run]

    def __repr__(self) -> str:
        lines = [
            f"  {one.device}: {record.model.target} {record.model.precision}, "
            f"p50 {record.summary.p50_ms:.2f} ms, p90 {record.summary.p90_ms:.2f} ms, "
            f"first {record.first_ms:.2f} ms, {_megabytes(record.peak_rss_bytes)}, "
            f"{'trusted' if record.verdict.trusted else 'not trusted'}"
            for one in self.devices
            for run in one.runs
            for record in run
        ]
        failed = [f"  {one.device}: {one.error}" for one in self.devices if one.error is not None]
        return "\n".join(["<Benchmark", *lines, *failed]) + ">"

    def require(self) -> None:
        """Raise the error of the first device that failed."""
        for one in self.devices:
            if one.error is not None:
                raise one.error

    def to_json(self) -> dict[str, Any]:
        """The document `bench`."""
        return document(
            "bench",
            records=[record.to_json() for record in self.records],
            comparisons=[asdict(pair) for _, pairs in self.runs for pair in pairs],
            errors=[
                {"device": one.device, "error": str(one.error), "exit_code": one.error.exit_code}
                for one in self.devices
                if one.error is not None
            ],
            notices=list(self.notices),
            results=str(self.results) if self.results else None,
        )


def _megabytes(size: int | None) -> str:
    return "memory unknown" if size is None else f"peak {size / 1e6:.1f} MB"


def bench(
    bundles: PathLike | Iterable[PathLike],
    *,
    devices: str | Iterable[str] = ("local",),
    threads: int | Iterable[int] = (1,),
    runs: int = 50,
    seconds: float = 10.0,
    launches: int = 5,
    sustained: float = 0.0,
    cpus: Iterable[int] | None = None,
    accelerator: Accelerator = "cpu",
    twins: bool = True,
    results: PathLike | None = None,
    save: bool = True,
    progress: Progress | None = None,
) -> Benchmark:
    """Measure the latency of bundles, each beside its float model, on one or more devices.

    A device that fails stops alone: call the result's `require()`, or look at its `devices`.

    Args:
        bundles: Folders of bundles, or `Bundle` objects; they are measured in alternation.
        devices: `local`, `ssh://user@host[:port]`, `adb[:serial]` or `browser`.
        threads: Numbers of threads, one run for each.
        runs: Smallest number of samples of each model.
        seconds: Smallest time of sampling, in seconds.
        launches: Number of new processes that the samples come from; intervals need five.
        sustained: Seconds that each model then runs alone, to show what heat does.
        cpus: Numbers of the processors to stay on; without it the fastest ones, where not all are alike.
        accelerator: What has to run the whole of every model, otherwise there is an error: `xnnpack` for
            TFLite, `gpu` on a phone with the demo app. With `cpu` the engine chooses.
        twins: Measure the float models in the bundles too.
        results: The file that records are added to; the one in the user's data folder without it.
        save: Add the records to that file.
        progress: Receives stages and notices; silent without it.

    Raises:
        UsageError: There is no such bundle or device.
        EdgewiseError: A bundle or the file of results is damaged.
    """
    journal = Journal(progress)
    opened = [Bundle.open(folder) for folder in listed(bundles)]
    for bundle in opened:
        with suppress(MissingDependencyError):  # the engine may be on the devices alone
            require_sound(bundle)
    contenders = _contenders(opened, twins=twins)
    names = (devices,) if isinstance(devices, str) else tuple(devices)
    places = [device(name) for name in dict.fromkeys(names)]
    counts = (threads,) if isinstance(threads, int) else tuple(threads)
    for option, given in (("devices", names), ("threads", counts)):
        if not given:
            raise UsageError(f"{option}: pass at least one")
    _require_accelerator(accelerator, names, opened)
    pinned = None if cpus is None else tuple(cpus)
    requests = [
        BenchRequest(
            contenders,
            count,
            runs,
            seconds,
            cpus=pinned,
            launches=launches,
            sustained=sustained,
            accelerator=accelerator,
        )
        for count in counts
    ]
    store = Store(default_path() if results is None else Path(results)) if save else None
    if store is not None:
        store.select(limit=1)  # a damaged file is better known before than after
    with journal.stage(f"Measure on {', '.join(place.name for place in places)}") as counter:
        measured = measure(places, requests, store, counter)
    for one in measured:
        for line in one.slower:
            journal.notice(line)
    failed = [one for one in measured if one.error is not None]
    for one in failed[1:]:  # the first is what `require` raises
        journal.notice(str(one.error))
    return Benchmark(tuple(measured), store.path if store else None, tuple(journal.notices))


def _require_accelerator(asked: Accelerator, devices: Sequence[str], bundles: Sequence[Bundle]) -> None:
    """Refuse what cannot be before anything is copied; `runtime.bench.delegate` has the last word."""
    kinds = {name.partition(":")[0]: name for name in devices}
    others = [name for kind, name in kinds.items() if kind != "adb"]
    if asked == "gpu" and others:
        raise UsageError(f"--accelerator gpu: {others[0]} has no GPU for models; use it with --device adb")
    if asked != "xnnpack":
        return
    if "browser" in kinds:
        raise UsageError(
            f"--accelerator xnnpack: {kinds['browser']} does not show how many operators XNNPACK runs; "
            "leave it out there"
        )
    for bundle in bundles:
        if bundle.target != "tflite":
            raise UsageError(
                f"--accelerator xnnpack: {bundle.folder} is for {bundle.target}; XNNPACK runs tflite bundles"
            )


def _contenders(bundles: Sequence[Bundle], *, twins: bool) -> tuple[Contender, ...]:
    """The different model files, each twin before its bundle; one that several bundles hold counts once."""
    found: dict[tuple[str, ...], Contender] = {}
    for bundle in bundles:
        files, folder = bundle.manifest["files"], str(bundle.folder)
        pair = (bundle.reference, Contender(folder, "reference")), (bundle.model, Contender(folder))
        for path, contender in pair if twins else pair[1:]:
            if path is not None:
                digests = (files[file.name]["sha256"] for file in model_files(path))
                found.setdefault((bundle.target, *digests), contender)
    return tuple(found.values())


class _Work:
    """What all devices have in common: the runs, where records go, and whether to go on."""

    def __init__(
        self, requests: Sequence[BenchRequest], store: Store | None, show: Callable[[], None]
    ) -> None:
        self.requests, self.stop = requests, Event()
        self._store, self._show = store, show
        self.done: dict[str, float] = {}

    def on(self, device: Device) -> DeviceRun:
        """Every run on one device, until one fails."""
        outcome = DeviceRun(device.name)
        for place, request in enumerate(self.requests):
            gathered = Gathered(request, device.name)
            try:
                self._follow(device, request, gathered, place)
            except EdgewiseError as error:
                gathered.error = error
            outcome.error = gathered.error
            if not self.stop.is_set():
                outcome.runs.append(gathered.records())
                self._keep(outcome)
            if outcome.error is not None or self.stop.is_set():
                break
        if outcome.error is not None and device.name != "local":  # elsewhere 'this machine' is another
            said = str(outcome.error).removeprefix(f"{device.name}: ")
            outcome.error.args = (f"{device.name}: {said}",)
        return outcome

    def _follow(self, device: Device, request: BenchRequest, gathered: Gathered, before: int) -> None:
        events = cast(Generator[dict[str, Any], None, None], device.run(request))
        with closing(events):  # so that the device tidies up
            for event in events:
                gathered.add(event)
                self.done[device.name] = (before + gathered.progress) / len(self.requests)
                self._show()
                if self.stop.is_set():
                    return

    def _keep(self, outcome: DeviceRun) -> None:
        """Save the last run's records; what was measured is shown even where that fails."""
        if self._store is None:
            return
        try:
            for record in outcome.runs[-1]:
                before = self._store.last_undisturbed(record)
                self._store.append(record)
                if line := slower(record, before) if before else None:
                    outcome.slower.append(line)
        except EdgewiseError as error:
            outcome.error = outcome.error or error


def measure(
    devices: Sequence[Device], requests: Sequence[BenchRequest], store: Store | None, counter: Counter
) -> list[DeviceRun]:
    """All requests on all devices, one after the other on each; a device that fails stops alone."""
    work = _Work(requests, store, lambda: counter(round(100 * sum(work.done.values())), 100 * len(devices)))
    here = [device for device in devices if device.name.startswith(_HERE)]
    groups = [group for group in (here, *([device] for device in devices if device not in here)) if group]
    with ThreadPoolExecutor(len(groups)) as pool:
        running = [
            pool.submit(lambda group: [work.on(device) for device in group], group) for group in groups
        ]
        try:
            found = {outcome.device: outcome for ready in running for outcome in ready.result()}
        except BaseException:
            work.stop.set()  # the others end at their next event
            raise
    return [found[device.name] for device in devices]
