"""A phone over adb: 'adb' is the only one that is connected, 'adb:SERIAL' this one.

The model, its golden input and the runner (see `_adb_runner`; EDGEWISE_ANDROID_RUNNER names it) go to a
folder of their own in /data/local/tmp, which is removed at the end, whatever that is.

What was never run on hardware: all of it. No phone and no Android build of benchmark_model was at hand. The
tests speak through the real adb to an emulation of the phone's side (tests/runtime/devices/_adbd.py), which
runs a stand-in for the runner around the real LiteRT of the host; what the runner prints is taken from its
source, and what the thermal service prints from recordings. End-to-end times, the load by other programs and
energy are not measured.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from ...models.errors import EdgewiseError, UsageError
from ..bench.subject import Subject
from . import Event
from ._adb_client import Adb, connect
from ._adb_phone import conditions, machine
from ._adb_run import Contestant, Run
from ._adb_runner import program

if TYPE_CHECKING:
    from ..bench.request import BenchRequest, Contender

_PLACE = "/data/local/tmp"


class Phone:
    """A phone as the user named it."""

    def __init__(self, name: str, serial: str | None) -> None:
        self.name = name
        self._serial = serial

    def run(self, request: "BenchRequest") -> Iterator[Event]:
        """Measure, see `devices.Device`."""
        runner = program()
        contestants = [_opened(place, asked) for place, asked in enumerate(request.contenders)]
        phone = connect(self._serial)
        yield {"event": "machine"} | asdict(machine(phone))
        with _folder(phone) as folder:
            run = Run(phone, folder, runner, request)
            run.send(contestants)
            for contestant in contestants:
                yield from run.opening(contestant)
            yield {"event": "before"} | asdict(conditions(phone))
            yield from run.in_turn(contestants)
            yield {"event": "after", "others": None, "energy_mj": {}} | asdict(conditions(phone))
        yield {"event": "done"}


def open_device(name: str) -> Phone:
    """The phone that a user calls 'adb' or 'adb:SERIAL'; a serial may hold colons, as in 'adb:HOST:5555'."""
    serial = name.partition(":")[2]
    if serial.startswith("-") or (name != "adb" and not serial):
        raise UsageError(
            f"--device {name!r}: write adb, or adb:SERIAL with a serial that `adb devices` lists"
        )
    return Phone(name, serial or None)


def _opened(place: int, asked: "Contender") -> Contestant:
    """The model, once the runner can measure what is asked for."""
    subject = Subject.of(asked)
    bundle = subject.bundle
    if bundle.target != "tflite":
        raise UsageError(f"{bundle.folder}: is for {bundle.target}; a phone is measured with tflite bundles")
    return Contestant(place, subject)


@contextmanager
def _folder(phone: Adb) -> Iterator[str]:
    """A folder of this run's own on the phone, removed however the block ends."""
    folder = f"{_PLACE}/edgewise-{secrets.token_hex(6)}"
    phone.need(f"mkdir -m 700 {folder}", f"make a folder in {_PLACE}")
    try:
        yield folder
    except EdgewiseError as error:
        if _removed(phone, folder):
            raise
        raise type(error)(f"{error}; {folder} stays on the phone") from error
    except BaseException:  # an interrupt, or a caller who wants no more
        _removed(phone, folder)
        raise
    if not _removed(phone, folder):
        raise EdgewiseError(f"{phone.serial}: {folder} cannot be removed from the phone")


def _removed(phone: Adb, folder: str) -> bool:
    with suppress(EdgewiseError):
        return phone.shell(f"rm -rf {folder}", timeout_s=60)[0] == 0
    return False
