"""A bundle's model on a board as a session: batches are copied there, and the board sends logits."""

import base64
import binascii
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ...models.errors import EdgewiseError
from ...models.spec import Tensor32
from ..bundle import Bundle
from .ssh import ENVIRONMENT, Ready, SshBoard
from .transport import Board

_BATCH = "batch.npy"


class BoardAnswers:
    """A connected board as a session; see `AnsweringSession`."""

    def __init__(self, connection: Board, ready: Ready, threads: int) -> None:
        self._connection, self._ready, self._threads = connection, ready, threads
        self.board = ready.board

    def __call__(self, batch: Tensor32) -> Tensor32:
        """The board's logits; see `Session`."""
        buffer = io.BytesIO()
        np.save(buffer, batch.astype("<f4"), allow_pickle=False)
        self._connection.store(_BATCH, buffer.getvalue())
        (there,) = self._ready.folders.values()
        module = "edgewise.runtime.devices._answering"
        command = [self._ready.python, "-P", "-m", module, there, _BATCH, str(self._threads)]
        lines = self._connection.call("answer pictures", command, ENVIRONMENT)
        return read(self._connection.address.name, lines[-1] if lines else "", len(batch))


def read(device: str, line: str, count: int) -> Tensor32:
    """The logits in a line of `_answering`; what a board sends may be anything.

    Raises:
        EdgewiseError: they cannot be read.
    """
    try:
        content = base64.b64decode(json.loads(line)["logits"], validate=True)
        return np.frombuffer(content, "<f4").astype(np.float32).reshape(count, -1)
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise EdgewiseError(
            f"{device}: sent an answer that cannot be read ({type(error).__name__}); check the board"
        ) from error


@contextmanager
def answers(device: SshBoard, bundle: Bundle, threads: int) -> Iterator[BoardAnswers]:
    """A connection with the bundle at the other end; raises the errors of `SshBoard.run`."""
    with Board(device.address) as connection:
        ready = device.ready(connection, {str(bundle.folder): bundle})
        yield BoardAnswers(connection, ready, threads)
