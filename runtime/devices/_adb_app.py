"""The demo app as the runner on a phone: adb starts its self-test and fetches the records from its own files.

The app must be installed as a debuggable build, which `run-as` needs; `android_demo/app/.../Order.kt` is the
other side. A launch is a new process of the app that checks the golden samples and measures the models of one
bundle in turn: every sample is reported, and it ends after enough seconds of samples, however fast the model
is.
"""

import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from shlex import quote
from statistics import median
from typing import TYPE_CHECKING

from ...models.errors import EdgewiseError, ParityError, UsageError
from ..android import BUILD
from ..bench import trust
from ..bench.received import checked, listed
from ..bench.record import Conditions, Record
from ..bundle.atomic import MANIFEST
from . import Event
from ._adb_client import Adb
from ._adb_phone import conditions
from ._adb_run import Contestant

if TYPE_CHECKING:
    from ..bench.request import BenchRequest

PACKAGE = "edgewise.demo"
_SCREEN = f"{PACKAGE}/.SelfTestActivity"
_FOLDER = "files/bench"  # below the app's data, where `run-as` begins
_ANSWER = "answer.json"
_POLL_S = 1.0
_STARTING_POLLS = 2  # their frequencies are those of a processor that has just been woken up
_PATIENCE_S = 600.0  # beyond the seconds of samples: opening, warming up, a slow model's least number of runs
_WATCH = f"""
run-as {PACKAGE} test -f {_FOLDER}/{_ANSWER} && echo ready
echo "process: $(pidof {PACKAGE})"
for core in /sys/devices/system/cpu/cpu[0-9]*; do
echo "core $core: $(cat $core/cpufreq/scaling_cur_freq)"; done
true"""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The app while it measures."""

    ready: bool
    process: int | None
    mhz: dict[int, float]


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
        _require_app(self._phone)
        groups: dict[Path, list[Contestant]] = {}
        for contestant in contestants:
            groups.setdefault(contestant.subject.bundle.folder, []).append(contestant)
        try:
            for number, folder in enumerate(groups):
                self._send(folder, f"bundle{number}")
            yield from self._launches(list(groups.values()))
        finally:
            self._app(f"rm -rf {_FOLDER}")
            self._phone.shell(f"am force-stop {PACKAGE}")

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

    def _send(self, folder: Path, name: str) -> None:
        """Copy a bundle into the app's files; the shell's folder is only a stop on the way."""
        manifest = json.loads((folder / MANIFEST).read_bytes())
        for file in (MANIFEST, *manifest["files"]):
            target = f"{_FOLDER}/{name}/{file}"
            self._phone.push(folder / file, f"{self._folder}/part")
            parent = quote(target.rpartition("/")[0])
            copy = quote(f"mkdir -p {parent} && cat > {quote(target)}")
            self._phone.need(
                f"cat {self._folder}/part | run-as {PACKAGE} sh -c {copy}", f"copy {file} into the app"
            )

    def _launch(self, bundle: str, group: list[Contestant]) -> tuple[list[Record], list[float]]:
        """One process of the app; its records, and the frequencies seen meanwhile."""
        self._phone.need(f"am force-stop {PACKAGE}", "stop the app")
        self._app(f"rm -f {_FOLDER}/{_ANSWER}")
        self._phone.shell("input keyevent KEYCODE_WAKEUP")
        said = self._phone.need(self._start(bundle, group), "start the app")
        if refused := re.search(r"^(?:Error|java\.lang\.\w+|Exception).*", said, re.MULTILINE):
            raise EdgewiseError(
                f"{self._phone.serial}: the app does not start ({refused[0]}); install it: {BUILD}"
            )
        self._pin()
        mhz = self._wait(len(group))
        records = _answer(self._phone, self._app(f"cat {_FOLDER}/{_ANSWER}"))
        return self._in_order(records, group), mhz

    def _start(self, bundle: str, group: list[Contestant]) -> str:
        request = self._request
        parts = ",".join(contestant.subject.part for contestant in group)
        texts = {
            "bundle": bundle,
            "answer": _ANSWER,
            "parts": parts,
            "accelerator": request.accelerator.upper(),
        }
        extras = [f"--es {name} {text}" for name, text in texts.items()]
        runs = max(2, -(-request.runs // request.launches))
        whole = {"threads": request.threads, "runs": runs, "warm_ups": request.warm_ups}
        extras += [f"--ei {name} {number}" for name, number in whole.items()]
        real = {"seconds": request.seconds / request.launches, "warm_up_seconds": request.warm_up_seconds}
        extras += [f"--ef {name} {number:.6f}" for name, number in real.items()]
        return f"am start -W -n {_SCREEN} {' '.join(extras)}"

    def _pin(self) -> None:
        """Keep the app on the chosen processors; the record says so where a phone refuses."""
        if not self._cpus:
            return
        mask = f"{sum(1 << cpu for cpu in self._cpus):x}"
        status, said = self._phone.shell(f"run-as {PACKAGE} taskset -ap {mask} $(pidof {PACKAGE})")
        if not status:
            return
        if not self._chosen:
            raise EdgewiseError(
                f"{self._phone.serial}: cannot keep the app on --cpus ({said.strip()}); leave them out"
            )
        self._cpus = None

    def _wait(self, models: int) -> list[float]:
        """Wait for the app's answer; the frequency of the fastest core in use at each look."""
        end = time.monotonic() + _PATIENCE_S + 4 * models * self._request.seconds
        mhz: list[float] = []
        while time.monotonic() < end:
            seen = _read(self._phone.need(_WATCH, "look at the app"))
            if seen.ready:
                return mhz[_STARTING_POLLS:]
            if seen.process is None:
                raise EdgewiseError(
                    f"{self._phone.serial}: the app ended without an answer; see: adb logcat -b crash -d"
                )
            used = [found for core, found in seen.mhz.items() if self._cpus is None or core in self._cpus]
            mhz += [max(used)] if used else []
            time.sleep(_POLL_S)
        raise EdgewiseError(
            f"{self._phone.serial}: the app has not answered for {_PATIENCE_S:g} s; unlock the phone"
        )

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

    def _app(self, script: str) -> str:
        return self._phone.need(f"run-as {PACKAGE} {script}", f"run '{script}' as the app")


def _require_app(phone: Adb) -> None:
    if phone.shell(f"pm path {PACKAGE}")[0]:
        raise UsageError(
            f"{phone.serial}: the demo app is not installed, which measures on phones; install it: {BUILD}"
        )
    status, said = phone.shell(f"run-as {PACKAGE} true")
    if status:
        raise UsageError(
            f"{phone.serial}: the app's files cannot be reached ({said.strip() or 'run-as failed'}); "
            f"install its debug build: {BUILD}"
        )


def _read(text: str) -> _Seen:
    found = re.search(r"^process: (\d+)", text, re.MULTILINE)
    cores = re.findall(r"^core \S*/cpu(\d+): (\d+)$", text, re.MULTILINE)
    mhz = {int(core): int(kilohertz) / 1000 for core, kilohertz in cores}
    return _Seen(text.startswith("ready") or "\nready" in text, int(found[1]) if found else None, mhz)


def _answer(phone: Adb, text: str) -> list[Record]:
    """The records in the app's answer.

    Raises:
        ParityError: a golden sample gave another result.
        EdgewiseError: the app failed, or its records contradict themselves.
    """
    try:
        document = json.loads(text)
        if isinstance(document, dict) and "error" in document:
            raise EdgewiseError(f"{phone.serial}: the app failed: {document['error']}")
        records = [checked(plain) for plain in listed(document)]
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
