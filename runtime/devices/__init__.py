"""Devices on which models are measured: this machine, a board over SSH, a phone over adb, a browser.

A device's module is named after the scheme of its name: 'ssh://pi@board' is in `ssh.py`.
"""

import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from ...models.errors import UsageError

if TYPE_CHECKING:
    from ...models.spec import Tensor32
    from ..bench.request import BenchRequest
    from ..bundle import Bundle

Event: TypeAlias = dict[str, Any]  # see `bench.events`

SCHEMES = ("local", "ssh", "adb", "browser")


class Device(Protocol):
    """A device, as named by the user."""

    @property
    def name(self) -> str:
        """As the user wrote it."""

    def run(self, request: "BenchRequest") -> Iterator[Event]:
        """Measure and yield each event as it arrives; a contender's `bundle` is a folder on this machine.

        Everything copied to the device is removed when the iterator ends or is closed.

        Raises:
            EdgewiseError: the device cannot be reached or cannot measure; possibly in the middle of a run.
        """


class AnsweringSession(Protocol):
    """A model on a device as a `Session`."""

    @property
    def board(self) -> str | None:
        """What the device calls itself."""

    def __call__(self, batch: "Tensor32") -> "Tensor32":
        """Map (N, H, W, C) normalised float32 pictures to (N, classes) float32 logits."""


class AnsweringDevice(Device, Protocol):
    """A device on which models can answer any pictures."""

    def answers(self, bundle: "Bundle", threads: int) -> AbstractContextManager[AnsweringSession]:
        """The bundle's model there; everything copied to the device is removed when the block ends.

        Raises:
            EdgewiseError: the device cannot be reached or cannot run the model; possibly in the middle.
        """


def device(name: str) -> Device:
    """The device with this name: 'local', 'ssh://pi@host:port', 'adb', 'adb:SERIAL', 'browser'.

    Raises:
        UsageError: there is no such kind of device, or the rest of the name is invalid.
    """
    scheme = name.partition(":")[0]
    if scheme not in SCHEMES:
        raise UsageError(
            f"--device {name!r}: unknown; use one of {', '.join(SCHEMES)}, such as ssh://pi@raspberrypi"
        )
    return cast(Device, importlib.import_module(f".{scheme}", __package__).open_device(name))
