"""The answers of a model on a device, beside those of the same file on this machine.

Pictures are prepared here and go to the device in batches, so that it needs no room for them; that it
prepares pictures in the same way is what its golden sample shows. If the connection breaks, it is made again,
and only the batch on the way is repeated.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self, cast

import numpy as np

from ...models.errors import EdgewiseError, ParityError, UsageError
from ...models.spec import Tensor32
from .. import Session, checked
from ..bundle import Bundle
from . import AnsweringDevice, AnsweringSession, device


@dataclass(frozen=True, slots=True)
class BoardCheck:
    """How a device answered beside this machine, on `pictures` pictures, the golden sample included.

    `identical` of them came out the same to the bit, and `same_class` with the same best class. `max_rel` is
    the largest difference of a logit, relative to the largest logit.
    """

    device: str
    board: str | None
    pictures: int
    identical: int
    same_class: int
    max_rel: float


class DeviceSession:
    """A bundle's model on a device as a session, for as long as the block lasts; `board` is its own name.

    Raises:
        EdgewiseError: on entry, the device cannot run the model; when called, it fails twice.
    """

    def __init__(self, device: AnsweringDevice, bundle: Bundle, threads: int) -> None:
        self._device, self._bundle, self._threads = device, bundle, threads
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def board(self) -> str | None:
        """What the device calls itself."""
        return self._there.board

    def __call__(self, batch: Tensor32) -> Tensor32:
        """The device's logits; see `Session`."""
        try:
            return self._answer(batch)
        except EdgewiseError:
            self._connect()
            return self._answer(batch)

    def _connect(self) -> None:
        self._stack.close()
        self._stack = ExitStack()
        self._there: AnsweringSession = self._stack.enter_context(
            self._device.answers(self._bundle, self._threads)
        )

    def _answer(self, batch: Tensor32) -> Tensor32:
        return checked(self._there(batch), len(batch))


class Beside:
    """A session that answers as `there` does, and counts how far `here` answers the same."""

    def __init__(self, there: Session, here: Session) -> None:
        self._there, self._here = there, here
        self.pictures = self.identical = self.same_class = 0
        self.max_rel = 0.0

    def __call__(self, batch: Tensor32) -> Tensor32:
        """The logits of `there`.

        Raises:
            ParityError: the two differ in their classes.
        """
        theirs, ours = self._there(batch), self._here(batch)
        if theirs.shape != ours.shape:
            raise ParityError(f"the device gave {theirs.shape[1]} logits instead of {ours.shape[1]}")
        self.pictures += len(batch)
        bits = theirs.astype("<f4").view(np.uint32) == ours.astype("<f4").view(np.uint32)
        self.identical += int(bits.all(axis=1).sum())
        self.same_class += int((theirs.argmax(axis=1) == ours.argmax(axis=1)).sum())
        largest = float(np.abs(ours).max()) or 1.0
        self.max_rel = max(self.max_rel, float(np.abs(theirs - ours).max()) / largest)
        return theirs

    def result(self, device: str, board: str | None) -> BoardCheck:
        """What was counted so far."""
        return BoardCheck(device, board, self.pictures, self.identical, self.same_class, self.max_rel)


def answering_device(name: str) -> AnsweringDevice:
    """The device with this name, if models can answer pictures on it.

    Raises:
        UsageError: there is no such device, or it is this machine.
    """
    found = device(name)
    if not hasattr(found, "answers"):
        raise UsageError(f"--device {name}: models answer here without --device; name another device")
    return cast(AnsweringDevice, found)
