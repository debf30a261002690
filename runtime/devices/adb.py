"""A phone over adb: 'adb' is the only connected one, 'adb:SERIAL' the one with this serial.

The demo app measures, see `_adb_app`; or, if EDGEWISE_ANDROID_RUNNER names it, LiteRT's `benchmark_model`,
see `_adb_runner`. What is copied to the phone, into a separate folder in /data/local/tmp and the app's own
files, is removed at the end in any case.

None of this has been run on hardware: neither a phone nor an Android build of benchmark_model was available.
The tests use the real adb with an emulation of the phone's side (tests/runtime/devices/_adbd.py), which runs
stand-ins for the runner and the app with the host's real LiteRT; the runner's output is taken from its
source, and that of the thermal service from recordings. The load from other programs and energy are not
measured.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from ...models.errors import EdgewiseError, UsageError
from ..android import TARGET
from ..bench.cores import fastest
from ..bench.subject import Subject
from ..bundle import Bundle
from . import AnsweringSession, Event
from ._adb_answers import answers
from ._adb_app import AppRun
from ._adb_client import Adb, connect
from ._adb_phone import conditions, machine
from ._adb_run import Contestant, Run
from ._adb_runner import VARIABLE, program

if TYPE_CHECKING:
    from ..bench.delegate import Accelerator
    from ..bench.request import BenchRequest, Contender

_PLACE = "/data/local/tmp"


class Phone:
    """A phone, as named by the user."""

    def __init__(self, name: str, serial: str | None) -> None:
        self.name = name
        self._serial = serial

    def run(self, request: "BenchRequest") -> Iterator[Event]:
        """Measure; see `devices.Device.run`."""
        request.require_no_sustained(self.name)
        runner = program()
        _require_able(self.name, request.accelerator, by_app=runner is None)
        contestants = [_opened(place, asked) for place, asked in enumerate(request.contenders)]
        phone = connect(self._serial)
        found = machine(phone)
        yield {"event": "machine"} | asdict(found)
        chosen = None if request.cpus else fastest(found, range(found.cores or 0), request.threads)
        request = replace(request, cpus=request.cpus or chosen)
        with _folder(phone) as folder:
            if runner is None:
                yield from AppRun(phone, folder, request, chosen=chosen is not None).measure(contestants)
            else:
                yield {"event": "placed", "cpus": request.cpus, "chosen": chosen is not None}
                yield from _by_program(Run(phone, folder, runner, request), phone, contestants)
        yield {"event": "done"}

    @contextmanager
    def answers(self, bundle: Bundle, threads: int) -> Iterator[AnsweringSession]:
        """The bundle's model in the demo app; see `AnsweringDevice.answers`."""
        if bundle.target != TARGET:
            raise UsageError(f"{bundle.folder}: is for {bundle.target}; phones can only run {TARGET} bundles")
        phone = connect(self._serial)
        with _folder(phone) as folder, answers(phone, folder, bundle, threads) as session:
            yield session


def _require_able(name: str, accelerator: "Accelerator", *, by_app: bool) -> None:
    if not by_app and accelerator == "gpu":
        raise UsageError(f"{name}: {VARIABLE} measures on the CPU; unset it to measure with the app")
    if by_app and accelerator == "xnnpack":
        raise UsageError(
            f"{name}: the app cannot see how many operators XNNPACK runs; set {VARIABLE} to LiteRT's "
            "benchmark_model, which tells"
        )


def _by_program(run: Run, phone: Adb, contestants: list[Contestant]) -> Iterator[Event]:
    run.send(contestants)
    for contestant in contestants:
        yield from run.opening(contestant)
    yield {"event": "before"} | asdict(conditions(phone))
    yield from run.in_turn(contestants)
    yield {"event": "after", "others": None, "energy_mj": {}} | asdict(conditions(phone))


def open_device(name: str) -> Phone:
    """The phone named 'adb' or 'adb:SERIAL'; a serial may contain colons, as in 'adb:HOST:5555'."""
    serial = name.partition(":")[2]
    if serial.startswith("-") or (name != "adb" and not serial):
        raise UsageError(
            f"--device {name!r}: write adb, or adb:SERIAL with a serial that `adb devices` lists"
        )
    return Phone(name, serial or None)


def _opened(place: int, asked: "Contender") -> Contestant:
    """Open the model, after checking that the runner can measure it."""
    subject = Subject.of(asked)
    bundle = subject.bundle
    if bundle.target != TARGET:
        raise UsageError(f"{bundle.folder}: is for {bundle.target}; phones can only measure {TARGET} bundles")
    return Contestant(place, subject)


@contextmanager
def _folder(phone: Adb) -> Iterator[str]:
    """A folder on the phone for this run, removed however the block ends."""
    folder = f"{_PLACE}/edgewise-{secrets.token_hex(6)}"
    phone.need(f"mkdir -m 700 {folder}", f"create a folder in {_PLACE}")
    try:
        yield folder
    except EdgewiseError as error:
        if _removed(phone, folder):
            raise
        raise type(error)(f"{error}; {folder} remains on the phone") from error
    except BaseException:  # an interrupt, or the caller stopped iterating
        _removed(phone, folder)
        raise
    if not _removed(phone, folder):
        raise EdgewiseError(f"{phone.serial}: {folder} cannot be removed from the phone")


def _removed(phone: Adb, folder: str) -> bool:
    with suppress(EdgewiseError):
        return phone.shell(f"rm -rf {folder}", timeout_s=60)[0] == 0
    return False
