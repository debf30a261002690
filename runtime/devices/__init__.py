"""Where a model is measured: this machine, a board over SSH, a phone over adb, a browser.

A device's module is called as the scheme of its name: 'ssh://pi@board' is `ssh.py`.
"""

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from ...models.errors import UsageError

if TYPE_CHECKING:
    from ..bench.request import BenchRequest

Event: TypeAlias = dict[str, Any]  # see `bench.events`

SCHEMES = ("local", "ssh", "adb", "browser")


class Device(Protocol):
    """A place to measure at, as the user named it."""

    name: str

    def run(self, request: "BenchRequest") -> Iterator[Event]:
        """Measure, giving each event as it comes; a contender's `bundle` is a folder on this machine.

        Whatever was put on the device is gone when the iterator ends or is closed.

        Raises:
            EdgewiseError: the device cannot be reached, or cannot measure; also in the middle of a run.
        """


def device(name: str) -> Device:
    """The device that a user calls `name`: 'local', 'ssh://pi@host:port', 'adb', 'adb:SERIAL', 'browser'.

    Raises:
        UsageError: there is no such kind of device, or the rest of the name makes no sense.
    """
    scheme = name.partition(":")[0]
    if scheme not in SCHEMES:
        raise UsageError(f"--device {name!r}: know {', '.join(SCHEMES)}; an example is ssh://pi@raspberrypi")
    return cast(Device, importlib.import_module(f".{scheme}", __package__).open_device(name))
