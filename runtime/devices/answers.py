"""The answers of a model on a board, beside those of the same file on this machine.

Pictures are prepared here and go to the board in batches, so that a board needs no room for them; that it
prepares pictures in the same way is what its golden sample shows. If the connection breaks, it is made again,
and only the batch on the way is repeated.
"""

import base64
import binascii
import io
import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

import numpy as np

from ...models.errors import EdgewiseError, ParityError
from ...models.spec import Tensor32
from .. import Session, checked
from ..bundle import Bundle
from .ssh import ENVIRONMENT, SshBoard
from .transport import Board

_BATCH = "batch.npy"


@dataclass(frozen=True, slots=True)
class BoardCheck:
    """How a board answered beside this machine, on `pictures` pictures, the golden sample included.

    `identical` of them came out the same to the bit, and `same_class` with the same best class. `max_rel` is
    the largest difference of a logit, relative to the largest logit.
    """

    device: str
    board: str | None
    pictures: int
    identical: int
    same_class: int
    max_rel: float


class BoardSession:
    """A bundle's model on a board as a session, for as long as the block lasts; `board` is the board's name.

    Raises:
        EdgewiseError: on entry, the board cannot be reached or lacks the engine; when called, it fails twice.
    """

    def __init__(self, device: SshBoard, bundle: Bundle, threads: int) -> None:
        self._device, self._bundle, self._threads = device, bundle, threads
        self._stack = ExitStack()
        self.board: str | None = None

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, batch: Tensor32) -> Tensor32:
        """The board's logits; see `Session`."""
        try:
            return self._answer(batch)
        except EdgewiseError:
            self._connect()
            return self._answer(batch)

    def _connect(self) -> None:
        self._stack.close()
        self._stack = ExitStack()
        self._connection = self._stack.enter_context(Board(self._device.address))
        ready = self._device.ready(self._connection, {str(self._bundle.folder): self._bundle})
        self._python, self.board = ready.python, ready.board
        (self._there,) = ready.folders.values()

    def _answer(self, batch: Tensor32) -> Tensor32:
        buffer = io.BytesIO()
        np.save(buffer, batch.astype("<f4"), allow_pickle=False)
        self._connection.store(_BATCH, buffer.getvalue())
        module = "edgewise.runtime.devices._answering"
        command = [self._python, "-P", "-m", module, self._there, _BATCH, str(self._threads)]
        lines = self._connection.call("answer pictures", command, ENVIRONMENT)
        return checked(self._read(lines[-1] if lines else "", len(batch)), len(batch))

    def _read(self, line: str, count: int) -> Tensor32:
        """What a board sends may be anything."""
        try:
            content = base64.b64decode(json.loads(line)["logits"], validate=True)
            return np.frombuffer(content, "<f4").astype(np.float32).reshape(count, -1)
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise EdgewiseError(
                f"{self._device.name}: sent an answer that cannot be read ({type(error).__name__}); "
                "check the board"
            ) from error


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
            raise ParityError(f"the board gave {theirs.shape[1]} logits instead of {ours.shape[1]}")
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
