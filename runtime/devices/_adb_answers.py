"""A bundle's model on a phone as a session: the demo app gets prepared pictures in batches, and gives logits.

None of this has been run on hardware, see `adb`.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ...models.errors import EdgewiseError
from ...models.scratch import scratch_folder
from ...models.spec import Tensor32
from ..android import BUILD
from ..bundle import Bundle
from ._adb_client import Adb
from ._adb_installed import App, document
from ._adb_phone import machine

_BUNDLE, _PICTURES, _LOGITS = "bundle", "pictures.npy", "logits.npy"
_PATIENCE_S = 300.0


class PhoneAnswers:
    """The app with a bundle as a session; `board` is the phone's name."""

    def __init__(self, phone: Adb, app: App, threads: int, board: str | None) -> None:
        self._phone, self._app, self._threads = phone, app, threads
        self.board = board

    def __call__(self, batch: Tensor32) -> Tensor32:
        """The phone's logits; see `Session`."""
        order: dict[str, str | int | float] = {
            "bundle": _BUNDLE,
            "pictures": _PICTURES,
            "logits": _LOGITS,
            "threads": self._threads,
        }
        with scratch_folder() as here:
            np.save(here / _PICTURES, batch.astype("<f4"), allow_pickle=False)
            self._app.send(here / _PICTURES, _PICTURES)
            self._app.start(order)
            told = document(self._phone, self._app.wait(_PATIENCE_S)[0])
            if not isinstance(told, dict) or "logits" not in told:
                raise EdgewiseError(
                    f"{self._phone.serial}: the app cannot answer pictures; "
                    f"install the app of this version: {BUILD}"
                )
            self._app.fetch(_LOGITS, here / _LOGITS)
            return self._read((here / _LOGITS).read_bytes(), len(batch))

    def _read(self, content: bytes, count: int) -> Tensor32:
        """What a phone sends may be anything."""
        try:
            found = np.load(io.BytesIO(content), allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise EdgewiseError(f"{self._phone.serial}: the app's logits cannot be read ({error})") from error
        if found.dtype != np.dtype("<f4") or found.ndim != 2 or len(found) != count:
            raise EdgewiseError(
                f"{self._phone.serial}: the app's logits are {found.dtype} {found.shape} for {count} pictures"
            )
        logits: Tensor32 = found.astype(np.float32)
        return logits


@contextmanager
def answers(phone: Adb, folder: str, bundle: Bundle, threads: int) -> Iterator[PhoneAnswers]:
    """The app with the bundle in its files, which are removed at the end."""
    app = App(phone, folder)
    try:
        app.send_bundle(bundle.folder, _BUNDLE)
        yield PhoneAnswers(phone, app, threads, machine(phone).board)
    finally:
        app.clean()
