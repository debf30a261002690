"""Tallies of finished shards on disk, so that an evaluation that was interrupted goes on where it was.

They are records at the end of one file in the user's cache folder, which is removed once all shards are
finished. Its name is the digest of all that decides the answers: the models, how they are run, and the
pictures. What is in it may be anything: a record counts if it is whole and could be a tally of its shard.
"""

import hashlib
import json
import platform
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Protocol, runtime_checkable

import numpy as np

from ...export.artifact import model_files
from ...models.files import cache_folder
from ...models.images import sha256_of
from .. import Opening, machine, runtime
from .shards import SHARD, Wanted
from .tally import PAIR, SIDE, Tally

_MOST_BYTES = 1 << 20  # of a record
_DAYS = 30  # for which an evaluation can be continued
_LIBRARIES = ("edgewise", "numpy", "pillow")


@runtime_checkable
class Counting(Protocol):
    """A session of something other than a file here, such as a device, that counts beside its answers."""

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides its answers, for JSON."""

    def counted(self) -> dict[str, float]:
        """What it has counted since the last call."""

    def recall(self, counts: dict[str, float], pictures: int) -> None:
        """Count what it had counted of so many pictures in an earlier run.

        Raises:
            ValueError: nothing can have been counted so.
        """


class Kept:
    """The file of one evaluation: these sessions' answers to these pictures."""

    def __init__(self, sources: Sequence[Opening | Counting], wanted: Wanted) -> None:
        self._sessions, self._wanted = len(sources), wanted
        self._counting = [source for source in sources if isinstance(source, Counting)]
        for source in self._counting:
            source.counted()  # what was before the first shard belongs to none
        folder = cache_folder() / "answers"
        self._path = folder / _digest(sources, wanted)
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            _tidy(folder)

    def read(self, shards: Sequence[range]) -> dict[range, Tally]:
        """The tallies of those of the shards that are finished."""
        known, found = {shard.start: shard for shard in shards}, {}
        whole = 0
        with suppress(OSError), self._path.open("r+b") as file:
            # A forged record may raise almost anything; it and what follows are computed again.
            with suppress(ValueError, KeyError, TypeError, OverflowError, RecursionError):
                while head := _head(file):
                    shard = known[head["start"]]
                    tally = self._tally(shard, head, file.read(head["bytes"]))
                    if shard not in found:  # two runs at once may both have answered it
                        self._recall(head, len(tally.indices))
                        found[shard] = tally
                    whole = file.tell()
            file.truncate(whole)  # a record that was half written would hide those behind it
        return found

    def add(self, shard: range, tally: Tally) -> None:
        """Append the tally of a shard; without room on the disk, it will have to be computed again."""
        body = tally.indices.tobytes() + tally.sides.tobytes() + tally.pairs.tobytes()
        head = {"start": shard.start, "count": len(tally.indices), "classes": tally.classes}
        checked = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        told = json.dumps(head | checked | {"counted": [source.counted() for source in self._counting]})
        with suppress(OSError), self._path.open("ab") as file:
            file.write(f"{told}\n".encode() + body)

    def remove(self) -> None:
        """All shards are finished."""
        with suppress(OSError):
            self._path.unlink()

    def _recall(self, head: dict[str, Any], pictures: int) -> None:
        for source, counts in zip(self._counting, head["counted"], strict=True):
            source.recall(dict(counts), pictures)

    def _tally(self, shard: range, head: dict[str, Any], body: bytes) -> Tally:
        """A record as a tally; raises a `ValueError` where it cannot be one."""
        count, pairs = int(head["count"]), self._sessions * (self._sessions - 1) // 2
        ends = np.cumsum([8 * count, SIDE.itemsize * self._sessions * count, PAIR.itemsize * pairs * count])
        if not 0 <= count <= len(shard) or ends[-1] != len(body):
            raise ValueError("of another size")
        if hashlib.sha256(body).hexdigest() != head["sha256"]:
            raise ValueError("damaged")
        indices = np.frombuffer(body[: ends[0]], np.int64)
        sides = np.frombuffer(body[ends[0] : ends[1]], SIDE).reshape(self._sessions, count)
        rows = np.frombuffer(body[ends[1] :], PAIR).reshape(pairs, count)
        known = self._wanted.pictures.labels
        tally = Tally(
            int(head["classes"]),
            indices,
            None if known is None else np.asarray([known[index] for index in indices.tolist()], np.int64),
            len(shard) - count,
            sides,
            rows,
        )
        if not _possible(tally, shard):
            raise ValueError("of other pictures, or of no numbers")
        return tally


def _head(file: IO[bytes]) -> dict[str, Any] | None:
    """The line before the next record; None at the end."""
    line = file.readline(_MOST_BYTES)
    if not line:
        return None
    head = json.loads(line)
    if not 0 <= head["bytes"] <= _MOST_BYTES:
        raise ValueError("of another size")
    return dict(head)


def _possible(tally: Tally, shard: range) -> bool:
    """Whether this may be what sessions answered to pictures of the shard."""
    numbers = tally.indices
    inside = not len(numbers) or (shard.start <= numbers[0] and numbers[-1] < shard.stop)
    best = tally.sides["best"]
    finite = all(
        np.isfinite(table[name]).all()
        for table, names in ((tally.sides, SIDE.names), (tally.pairs, PAIR.names))
        for name in names or ()
    )
    known = bool(((best >= -1) & (best < tally.classes)).all() and (best[..., 0] >= 0).all())
    return inside and bool((np.diff(numbers) > 0).all()) and finite and known


def _digest(sources: Sequence[Opening | Counting], wanted: Wanted) -> str:
    """That of all that decides the answers. Pictures count by their paths, sizes and times."""
    found = hashlib.sha256(json.dumps(_facts(sources, wanted), sort_keys=True).encode())
    labels = wanted.pictures.labels or ()
    for place, file in enumerate(wanted.pictures.files):
        with suppress(OSError):  # an unreadable picture will be skipped
            status = file.stat()
            told = (str(file.absolute()), status.st_size, status.st_mtime_ns, *labels[place : place + 1])
            found.update(repr(told).encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def _facts(sources: Sequence[Opening | Counting], wanted: Wanted) -> dict[str, Any]:
    targets = {source.target for source in sources if isinstance(source, Opening)}
    return {
        "models": [
            [one.target, one.exact, *map(sha256_of, model_files(one.path))]
            if isinstance(one, Opening)
            else one.identity
            for one in sources
        ],
        "engines": {target: runtime(target).version() for target in targets},
        "libraries": {name: version(name) for name in _LIBRARIES},
        "machine": [platform.machine(), machine.isa()],
        "preprocess": asdict(wanted.preprocess),
        "shard": SHARD,
        "count": wanted.pictures.count,
    }


def _tidy(folder: Path) -> None:
    """Remove what nobody has continued for a month."""
    for file in folder.iterdir():
        if time.time() - file.stat().st_mtime > 86_400 * _DAYS:
            file.unlink(missing_ok=True)
