"""Measure on several devices at once; each record is saved as soon as it is there."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event
from typing import Any, TypeAlias, cast

from ..models.errors import EdgewiseError
from ..runtime.bench.gather import Gathered
from ..runtime.bench.record import Record
from ..runtime.bench.request import BenchRequest
from ..runtime.bench.store import Store, slower
from ..runtime.devices import Device

Progress: TypeAlias = Callable[[int, int], None]

_HERE = ("local", "browser")  # on one machine they would disturb each other


@dataclass(slots=True)
class DeviceRun:
    """What one device gave: the records of each run, which models got slower, and the error that ended it."""

    device: str
    runs: list[list[Record]] = field(default_factory=list)
    slower: list[str] = field(default_factory=list)
    error: EdgewiseError | None = None


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
                before = self._store.last_trusted(record)
                self._store.append(record)
                if line := slower(record, before) if before else None:
                    outcome.slower.append(line)
        except EdgewiseError as error:
            outcome.error = outcome.error or error


def measure(
    devices: Sequence[Device], requests: Sequence[BenchRequest], store: Store | None, progress: Progress
) -> list[DeviceRun]:
    """All requests on all devices, one after the other on each; a device that fails stops alone."""
    work = _Work(requests, store, lambda: progress(round(100 * sum(work.done.values())), 100 * len(devices)))
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
