"""Build records from the events that a device sends; if it stops, what it has sent so far is kept."""

from dataclasses import dataclass, field, replace
from importlib.metadata import version
from statistics import median
from typing import Any
from uuid import uuid4

from ...models.errors import EdgewiseError
from . import trust
from .conditions import now
from .record import BenchedModel, Conditions, Engine, GoldenRun, Machine, Record, part
from .request import BenchRequest
from .timing import percentiles

_FEWEST = 2  # with fewer there is no drift and nothing to compare


@dataclass(slots=True)
class _Contender:
    """What is known so far about one of the request's contenders."""

    model: BenchedModel | None = None
    engine: Engine | None = None
    golden: GoldenRun | None = None
    load_ms: float = 0.0
    first_ms: float = 0.0
    warm_ups: int = 0
    peak_rss_bytes: int | None = None
    samples_ms: list[float] = field(default_factory=list)
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
        self._done = False

    @property
    def progress(self) -> float:
        """The fraction of samples received, 0 to 1, for the contender with the fewest."""
        request = self._request
        return min(
            min(1.0, len(times) / request.runs, sum(times) / 1000 / request.seconds if request.seconds else 1)
            for times in (contender.samples_ms for contender in self._contenders)
        )

    def add(self, event: dict[str, Any]) -> None:
        """Process an event as documented in `events`.

        Raises:
            EdgewiseError: it is not a valid event.
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
                contender.load_ms, contender.first_ms = event["load_ms"], event["first_ms"]
            case "golden":
                contender.golden = part(GoldenRun, event)
            case "warm":
                contender.warm_ups = event["warm_ups"]
            case "samples":
                contender.samples_ms += map(float, event["ms"])
            case "end_to_end":
                contender.end_to_end_ms += map(float, event["ms"])
            case "closed":
                contender.peak_rss_bytes = event["peak_rss_bytes"]

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
            cpus=self._request.cpus,
            load_ms=found.load_ms,
            first_ms=found.first_ms,
            warm_ups=found.warm_ups,
            samples_ms=tuple(times),
            end_to_end_ms=tuple(whole),
            peak_rss_bytes=found.peak_rss_bytes,
            energy_mj=self._energy_mj.get(str(place)),
            before=self._before,
            after=self._after,
            others=self._others,
            interrupted=interrupted,
            summary=percentiles(times),
            end_to_end=percentiles(whole) if whole else None,
            drift=_drift(times),
        )
        return replace(record, verdict=trust.judge(record))


def _drift(times: list[float]) -> float:
    quarter = max(1, len(times) // 4)
    return median(times[-quarter:]) / median(times[:quarter])


def _error(kind: str, message: str) -> EdgewiseError:
    """An error of edgewise that was sent as JSON; an unknown kind becomes an `EdgewiseError`."""
    known = {found.__name__: found for found in EdgewiseError.__subclasses__()}
    found = known.get(kind, EdgewiseError)
    return found.__new__(found, message)  # without __init__: one of them composes its own message
