"""Build records from the events that a device sends; if it stops, what it has sent so far is kept."""

from dataclasses import dataclass, field, replace
from importlib.metadata import version
from statistics import median
from typing import Any
from uuid import uuid4

from ...models.errors import EdgewiseError
from ..judge.stats import Interval
from . import trust
from .conditions import now
from .delegate import require_delegate
from .record import BenchedModel, Conditions, Engine, GoldenRun, Machine, Record, part
from .request import BenchRequest
from .sustained import TimeLine
from .timing import (
    FEWEST_LAUNCHES,
    Percentiles,
    launch_medians,
    mean_interval,
    percentiles,
    single_stream,
)

_FEWEST = 2  # with fewer there is no drift and nothing to compare


@dataclass(slots=True)
class _Contender:
    """What is known so far about one of the request's contenders."""

    model: BenchedModel | None = None
    engine: Engine | None = None
    golden: GoldenRun | None = None
    loads_ms: list[float] = field(default_factory=list)
    firsts_ms: list[float] = field(default_factory=list)
    warm_ups: int = 0
    peaks_bytes: list[int] = field(default_factory=list)
    samples_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    launches: dict[int, int] = field(default_factory=dict)
    alone: TimeLine = field(default_factory=TimeLine)
    end_to_end_ms: list[float] = field(default_factory=list)


class Gathered:
    """The events of one run on one device; `error` is the error that ended it."""

    def __init__(self, request: BenchRequest, device: str) -> None:
        self.error: EdgewiseError | None = None
        self._request, self._device = request, device
        self._run, self._started = uuid4().hex, now()
        self._machine: Machine | None = None
        self._before: Conditions | None = None
        self._after: Conditions | None = None
        self._others: float | None = None
        self._energy_mj: dict[str, float] = {}
        self._contenders = [_Contender() for _ in request.contenders]
        self._cpus, self._chosen = request.cpus, False
        self._mhz: list[float] = []
        self._done = False

    @property
    def progress(self) -> float:
        """The fraction done, 0 to 1; of the samples in turn it is that of the contender with the fewest."""
        request, alone = self._request, self._request.alone_seconds
        if self._done:
            return 1.0
        taken = min(
            min(1.0, len(times) / request.runs, sum(times) / 1000 / request.seconds if request.seconds else 1)
            for times in (contender.samples_ms for contender in self._contenders)
        )
        if not alone:
            return taken
        spent = [one.alone.blocks[-1][0] / alone if one.alone.blocks else 0.0 for one in self._contenders]
        return (taken * request.seconds + alone * sum(spent) / len(spent)) / (request.seconds + alone)

    def add(self, event: dict[str, Any]) -> None:
        """Process an event as documented in `events`.

        Raises:
            EdgewiseError: it is not a valid event, or not the requested accelerator runs the model.
        """
        try:
            self._add(event)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise EdgewiseError(
                f"{self._device}: sent a {event.get('event')!r} event that cannot be read "
                f"({type(error).__name__}: {error}); use the same version of edgewise on both sides"
            ) from error

    def records(self, interrupted: str | None = None) -> list[Record]:
        """The record of each contender that has samples; `interrupted` says why the run ended early."""
        if interrupted is None and not self._done:
            interrupted = str(self.error) if self.error else "the device stopped responding"
        return [
            made
            for place, contender in enumerate(self._contenders)
            if (made := self._record(place, contender, interrupted)) is not None
        ]

    def _add(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "machine":
                self._machine = part(Machine, event)
            case "placed":
                self._cpus = None if event["cpus"] is None else tuple(map(int, event["cpus"]))
                self._chosen = bool(event["chosen"])
            case "before":
                self._before = part(Conditions, event)
            case "after":
                self._after = part(Conditions, event)
                self._others = event.get("others")
                self._energy_mj = event.get("energy_mj") or {}
            case "error":
                self.error = _error(event["kind"], event["message"])
            case "done":
                self._done = True
            case kind:
                self._add_to(kind, event)

    def _add_to(self, kind: str, event: dict[str, Any]) -> None:
        """Process an event of one contender."""
        if "contender" not in event:
            return
        contender = self._contenders[event["contender"]]
        match kind:
            case "opened":
                contender.model, contender.engine = (
                    part(BenchedModel, event["model"]),
                    part(Engine, event["engine"]),
                )
                require_delegate(self._request.accelerator, contender.model, contender.engine)
                contender.loads_ms.append(float(event["load_ms"]))
                contender.firsts_ms.append(float(event["first_ms"]))
            case "golden":
                contender.golden = part(GoldenRun, event)
            case "warm":
                contender.warm_ups = event["warm_ups"]
            case "samples":
                contender.samples_ms += map(float, event["ms"])
                contender.cpu_ms += map(float, event.get("cpu_ms") or ())
                self._mhz += [float(event["mhz"])] if event.get("mhz") else []
                launch = int(event.get("launch") or 0)
                contender.launches[launch] = contender.launches.get(launch, 0) + len(event["ms"])
            case "alone":
                times = [*map(float, event["ms"])]
                contender.alone.add(float(event["at_s"]), times, event.get("mhz"), event.get("celsius"))
            case "end_to_end":
                contender.end_to_end_ms += map(float, event["ms"])
            case "closed":
                if event["peak_rss_bytes"] is not None:
                    contender.peaks_bytes.append(event["peak_rss_bytes"])

    def _record(self, place: int, found: _Contender, interrupted: str | None) -> Record | None:
        times, whole = found.samples_ms, found.end_to_end_ms
        if self._machine is None or found.model is None or found.engine is None or len(times) < _FEWEST:
            return None
        record = Record(
            id=uuid4().hex,
            run=self._run,
            started=self._started,
            edgewise=version("edgewise"),
            device=self._device,
            machine=self._machine,
            model=found.model,
            engine=found.engine,
            golden=found.golden,
            threads=self._request.threads,
            cpus=self._cpus,
            cpus_chosen=self._chosen,
            load_ms=median(found.loads_ms),
            first_ms=median(found.firsts_ms),
            warm_ups=found.warm_ups,
            samples_ms=tuple(times),
            end_to_end_ms=tuple(whole),
            peak_rss_bytes=max(found.peaks_bytes, default=None),
            energy_mj=self._energy_mj.get(str(place)),
            before=self._before,
            after=self._after,
            others=self._others,
            interrupted=interrupted,
            summary=percentiles(times),
            end_to_end=percentiles(whole) if whole else None,
            drift=_drift(times),
            mhz=tuple(self._mhz) or None,
            launches=tuple(found.launches.values()),
            p50_interval=_interval(times, found.launches),
            cpu=self._cpu(found),
            **self._alone(found),
        )
        return replace(record, verdict=trust.judge(record))

    def _cpu(self, found: _Contender) -> Percentiles | None:
        """With one thread, and where the system's clock is fine enough: Windows counts in steps of 16 ms."""
        fine = min(found.cpu_ms, default=0.0) > 0
        return percentiles(found.cpu_ms) if fine and self._request.threads == 1 else None

    def _alone(self, found: _Contender) -> dict[str, Any]:
        """The fields of the record about the model alone: a single contender always is."""
        times = found.alone.samples_ms or (found.samples_ms if len(self._contenders) == 1 else [])
        return {
            "alone": percentiles(times) if times else None,
            "single_stream": single_stream(times) if times else None,
            "sustained": found.alone.summary() if self._request.sustained else None,
        }


def _interval(times: list[float], launches: dict[int, int]) -> Interval | None:
    medians = launch_medians(times, [*launches.values()])
    return mean_interval(medians) if len(medians) >= FEWEST_LAUNCHES else None


def _drift(times: list[float]) -> float:
    quarter = max(1, len(times) // 4)
    return median(times[-quarter:]) / median(times[:quarter])


def _error(kind: str, message: str) -> EdgewiseError:
    """An error of edgewise that was sent as JSON; an unknown kind becomes an `EdgewiseError`."""
    known = {found.__name__: found for found in EdgewiseError.__subclasses__()}
    found = known.get(kind, EdgewiseError)
    return found.__new__(found, message)  # without __init__: one of them composes its own message
