"""Read pictures in a process of their own, while this one converts a network.

Run as a program, this module is that process. Pixels go through a file in memory that both map; for each
picture, one byte through a pipe says that it is there, so that nobody has to poll.
"""

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from ...models.errors import EdgewiseError
from ...models.spec import Pixels, Preprocess
from .evaluation import Pictures, Read, part_of, take

_MOST_BYTES = 256_000_000  # of pixels in the file; further pictures are read when they are needed
_READ, _UNREADABLE = b"\1", b"\0"


@contextmanager
def reading_ahead(pictures: Pictures, preprocess: Preprocess, folder: Path) -> Iterator[Pictures]:
    """Yield the same pictures, of which the first ones are being read; their pixels are put in `folder`.

    A picture that the other process does not deliver, for whatever reason, is read in this one.
    """
    count = max(1, min(pictures.count, _MOST_BYTES // math.prod(preprocess.shape)))
    path = folder / "pictures"
    pixels = np.memmap(path, np.uint8, "w+", shape=(count, *preprocess.shape))
    command = [sys.executable, "-P", "-m", __name__]  # -P: see runtime/child.py
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as reader:
        order, arrivals = cast(IO[bytes], reader.stdin), cast(IO[bytes], reader.stdout)
        try:
            with suppress(BrokenPipeError), order:
                pickle.dump((pictures.read, preprocess, path, count), order)
            yield replace(pictures, read=_Ahead(pictures, preprocess, pixels, arrivals))
        finally:
            reader.kill()


class _Ahead:
    def __init__(
        self,
        pictures: Pictures,
        preprocess: Preprocess,
        pixels: "np.memmap[Any, np.dtype[np.uint8]]",
        arrivals: IO[bytes],
    ) -> None:
        self._pictures, self._preprocess, self._pixels = pictures, preprocess, pixels
        self._arrivals, self._arrived = arrivals, bytearray()

    def __call__(self, index: int, preprocess: Preprocess) -> Pixels:
        """As `Pictures.read`; waits for a picture that is still being read."""
        if index < len(self._pixels) and preprocess == self._preprocess:
            while index >= len(self._arrived):
                arrived = os.read(self._arrivals.fileno(), 4096)
                self._arrived += arrived or _UNREADABLE * len(self._pixels)  # the process has ended
            if self._arrived[index] == _READ[0]:
                found: Pixels = self._pixels[index]
                return found
        return self._pictures.read(index, preprocess)

    def part(self, indices: Sequence[int]) -> "_Stored":
        """What reads some of the pictures, in any process, without waiting for what is still being read."""
        arrived = self._arrived
        ready = [index < len(arrived) and arrived[index] == _READ[0] for index in indices]
        return _Stored(
            Path(str(self._pixels.filename)),
            self._preprocess,
            tuple(index if here else None for index, here in zip(indices, ready, strict=True)),
            take(self._pictures, indices).read,
        )


@dataclass(frozen=True, slots=True)
class _Stored:
    """Reads pictures from the file, by their `places` in it, and others with `read`."""

    path: Path
    preprocess: Preprocess
    places: tuple[int | None, ...]
    read: Read

    def __call__(self, index: int, preprocess: Preprocess) -> Pixels:
        place = self.places[index]
        if place is None or preprocess != self.preprocess:
            return self.read(index, preprocess)
        shape = preprocess.shape
        return np.memmap(self.path, np.uint8, "r", offset=place * math.prod(shape), shape=shape)

    def part(self, indices: Sequence[int]) -> "_Stored":
        """Some of these."""
        places = tuple(self.places[index] for index in indices)
        return _Stored(self.path, self.preprocess, places, part_of(self.read, indices))


def main() -> None:
    """Be the process that reads."""
    read, preprocess, path, count = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this
    pixels = np.memmap(path, np.uint8, "r+", shape=(count, *preprocess.shape))
    for index in range(count):
        try:
            pixels[index] = read(index, preprocess)
        except EdgewiseError:
            os.write(1, _UNREADABLE)
        else:
            os.write(1, _READ)


if __name__ == "__main__":
    main()
