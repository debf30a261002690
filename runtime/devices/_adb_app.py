"""The demo app as the runner on a phone: adb starts its self-test and fetches the records.

A launch is a new process of the app (see `_adb_installed`) that checks the golden samples and measures the
models of one bundle in turn: every sample is reported, and it ends after enough seconds of samples, however
fast the model is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, replace
from statistics import median
from typing import TYPE_CHECKING

from ...models.errors import EdgewiseError, ParityError
from ..android import BUILD
from ..bench import trust
from ..bench.received import checked, listed
from ..bench.record import Conditions, Record
from . import Event
from ._adb_client import Adb
from ._adb_installed import App, document
from ._adb_phone import conditions
from ._adb_run import Contestant

if TYPE_CHECKING:
    from pathlib import Path

    from ..bench.request import BenchRequest

_STARTING_POLLS = 2  # their frequencies are those of a processor that has just been woken up
_PATIENCE_S = 600.0  # beyond the seconds of samples: opening, warming up, a slow model's least number of runs


class AppRun:
    """A request that the app carries out; `folder` is on the phone and takes the bundles on their way."""

    def __init__(self, phone: Adb, folder: str, request: "BenchRequest", *, chosen: bool) -> None:
        self._phone, self._folder, self._request, self._chosen = phone, folder, request, chosen
        self._cpus = request.cpus

    def measure(self, contestants: Sequence[Contestant]) -> Iterator[Event]:
        """Copy the bundles and measure in as many launches as requested, each bundle in turn.

        Raises:
            EdgewiseError: the app is missing, fails, or does not answer.
            ParityError: a golden sample gives another result there.
        """
        app = self._app = App(self._phone, self._folder)
        groups: dict[Path, list[Contestant]] = {}
        for contestant in contestants:
            groups.setdefault(contestant.subject.bundle.folder, []).append(contestant)
        try:
            for number, folder in enumerate(groups):
                app.send_bundle(folder, f"bundle{number}")
            yield from self._launches(list(groups.values()))
        finally:
            app.clean()

    def _launches(self, groups: list[list[Contestant]]) -> Iterator[Event]:
        for launch in range(self._request.launches):
            for number, group in enumerate(groups):
                first = launch == number == 0
                records, mhz = self._launch(f"bundle{number}", group)
                if first:
                    yield {"event": "placed", "cpus": self._cpus, "chosen": self._chosen and bool(self._cpus)}
                    yield {"event": "before"} | asdict(self._conditions(records[0].before))
                for contestant, record in zip(group, records, strict=True):
                    yield from _events(contestant, record, launch, mhz)
                after = self._conditions(records[-1].after)
        yield {"event": "after", "others": None, "energy_mj": {}} | asdict(after)

    def _conditions(self, told: Conditions | None) -> Conditions:
        """What the app saw at the right moment, completed by what only the shell may see."""
        seen = conditions(self._phone)
        if told is None:
            return seen
        blank = {item.name for item in fields(told) if getattr(told, item.name) is None}
        return replace(told, **{name: getattr(seen, name) for name in blank})

    def _launch(self, bundle: str, group: list[Contestant]) -> tuple[list[Record], list[float]]:
        """One process of the app; its records, and the frequencies seen meanwhile."""
        self._app.start(self._order(bundle, group))
        self._pin()
        text, mhz = self._app.wait(_PATIENCE_S + 4 * len(group) * self._request.seconds, self._cpus)
        return self._in_order(_records(self._phone, text), group), mhz[_STARTING_POLLS:]

    def _order(self, bundle: str, group: list[Contestant]) -> dict[str, str | int | float]:
        request = self._request
        return {
            "bundle": bundle,
            "parts": ",".join(contestant.subject.part for contestant in group),
            "accelerator": request.accelerator.upper(),
            "threads": request.threads,
            "runs": max(2, -(-request.runs // request.launches)),
            "warm_ups": request.warm_ups,
            "seconds": float(request.seconds / request.launches),
            "warm_up_seconds": float(request.warm_up_seconds),
        }

    def _pin(self) -> None:
        """Keep the app on the chosen processors; the record says so where a phone refuses."""
        said = self._app.pin(self._cpus) if self._cpus else None
        if said is None:
            return
        if not self._chosen:
            raise EdgewiseError(
                f"{self._phone.serial}: cannot keep the app on --cpus ({said}); leave them out"
            )
        self._cpus = None

    def _in_order(self, records: list[Record], group: list[Contestant]) -> list[Record]:
        """The record of each contestant.

        Raises:
            EdgewiseError: there is none, or it is of another file.
        """
        by_part = {record.model.part: record for record in records}
        for contestant in group:
            record = by_part.get(contestant.subject.part)
            if record is None or record.model.sha256 != contestant.subject.model.sha256:
                raise EdgewiseError(
                    f"{self._phone.serial}: the app has not measured {contestant.subject.path.name}; "
                    f"install the app of this version: {BUILD}"
                )
        return [by_part[contestant.subject.part] for contestant in group]


def _records(phone: Adb, text: str) -> list[Record]:
    """The records in the app's answer.

    Raises:
        ParityError: a golden sample gave another result.
        EdgewiseError: the app failed, or its records contradict themselves.
    """
    found = document(phone, text)
    try:
        records = [checked(plain) for plain in listed(found)]
    except ValueError as error:
        raise EdgewiseError(f"{phone.serial}: the app's answer cannot be read ({error})") from error
    for record in records:
        # The app judges by the same rules, except that it adds why a golden sample failed.
        further = set(record.verdict.reasons) - set(trust.judge(record).reasons)
        if wrong := [reason for reason in record.verdict.reasons if reason in further]:
            raise ParityError(f"{record.model.title} {record.model.part}: {wrong[0]}")
    return records


def _events(contestant: Contestant, record: Record, launch: int, mhz: list[float]) -> Iterator[Event]:
    place = {"contender": contestant.place, "launch": launch}
    yield (
        {"event": "opened", "model": asdict(record.model), "engine": asdict(record.engine)}
        | place
        | {"load_ms": record.load_ms, "first_ms": record.first_ms}
    )
    if record.golden is not None:
        yield {"event": "golden"} | place | asdict(record.golden)
    yield {"event": "warm", "warm_ups": record.warm_ups} | place
    told = {"mhz": median(mhz) if mhz else None}
    yield {"event": "samples", "ms": [*record.samples_ms]} | place | told
    if launch == 0:
        yield {"event": "end_to_end", "ms": [*record.end_to_end_ms]} | place
    yield {"event": "closed", "peak_rss_bytes": record.peak_rss_bytes} | place
