"""The answers of a model on a device, beside those of the same file on this machine.

Pictures are prepared here and go to the device in batches, so that it needs no room for them; that it
prepares pictures in the same way is what its golden sample shows. If the connection breaks, it is made again,
and only the batch on the way is repeated; a command that was interrupted goes on where it was.
"""

import math
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Self, cast

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

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides what the device answers, as far as it is known here, for JSON."""
        files = {name: entry["sha256"] for name, entry in self._bundle.manifest["files"].items()}
        return {"device": self._device.name, "board": self.board, "threads": self._threads, "files": files}

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


@dataclass(slots=True)
class _Counts:
    """How two sessions answered the same pictures."""

    pictures: int = 0
    identical: int = 0
    same_class: int = 0
    max_rel: float = 0.0

    def add(self, other: "_Counts") -> None:
        self.pictures += other.pictures
        self.identical += other.identical
        self.same_class += other.same_class
        self.max_rel = max(self.max_rel, other.max_rel)

    def possible(self, pictures: int) -> bool:
        whole = all(isinstance(count, int) for count in (self.pictures, self.identical, self.same_class))
        return (
            whole
            and 0 <= self.identical <= self.same_class <= self.pictures == pictures
            and isinstance(self.max_rel, float)
            and 0 <= self.max_rel < math.inf
        )


class Beside:
    """A session that answers as `there` does, and counts how far `here` answers the same."""

    def __init__(self, there: Session, here: Session, identity: dict[str, Any]) -> None:
        self._there, self._here, self.identity = there, here, identity
        self._all, self._new = _Counts(), _Counts()

    def __call__(self, batch: Tensor32) -> Tensor32:
        """The logits of `there`.

        Raises:
            ParityError: the two differ in their classes.
        """
        theirs, ours = self._there(batch), self._here(batch)
        if theirs.shape != ours.shape:
            raise ParityError(f"the device gave {theirs.shape[1]} logits instead of {ours.shape[1]}")
        bits = theirs.astype("<f4").view(np.uint32) == ours.astype("<f4").view(np.uint32)
        largest = float(np.abs(ours).max()) or 1.0
        found = _Counts(
            len(batch),
            int(bits.all(axis=1).sum()),
            int((theirs.argmax(axis=1) == ours.argmax(axis=1)).sum()),
            float(np.abs(theirs - ours).max()) / largest,
        )
        self._all.add(found)
        self._new.add(found)
        return theirs

    def counted(self) -> dict[str, float]:
        """What was counted since the last call."""
        found, self._new = self._new, _Counts()
        return asdict(found)

    def recall(self, counts: dict[str, float], pictures: int) -> None:
        """Add what an interrupted run has counted of so many pictures.

        Raises:
            ValueError: nothing can have been counted so.
        """
        found = _Counts(**counts)  # type: ignore[arg-type]
        if not found.possible(pictures):
            raise ValueError("impossible counts")
        self._all.add(found)

    def result(self, device: str, board: str | None) -> BoardCheck:
        """What was counted so far."""
        return BoardCheck(device, board, **asdict(self._all))


def answering_device(name: str) -> AnsweringDevice:
    """The device with this name, if models can answer pictures on it.

    Raises:
        UsageError: there is no such device, or it is this machine.
    """
    found = device(name)
    if not hasattr(found, "answers"):
        raise UsageError(f"--device {name}: models answer here without --device; name another device")
    return cast(AnsweringDevice, found)
