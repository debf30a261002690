"""An evaluation that was interrupted goes on where it was, and trusts nothing that it finds."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgewise.export.artifact import Artifact
from edgewise.models.spec import ModelSpec, Preprocess, Tensor32
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime import Opening, open_session
from edgewise.runtime.judge.answering import Means, tallied
from edgewise.runtime.judge.evaluation import Pictures, from_folder
from edgewise.runtime.judge.kept import Kept
from edgewise.runtime.judge.shards import SHARD, Wanted, shards
from edgewise.runtime.judge.tally import Tally

COUNT = 5 * SHARD


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "edgewise" / "answers"


@cache
def drawn(index: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(dead_leaves(34, 1, index)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def pictures(tiny_spec: ModelSpec, tmp_path: Path) -> Pictures:
    folder = tmp_path / "photographs"
    for name in tiny_spec.labels.names:
        (folder / name).mkdir(parents=True)
    for index in range(COUNT):
        file = folder / tiny_spec.labels.names[index % 6] / f"{index:04}.png"
        file.write_bytes(drawn(index % 20))
    (folder / "bee" / "0001.png").write_bytes(b"not a picture")
    return from_folder(folder, tiny_spec)


@pytest.fixture
def openings(tiny_float: Artifact, tiny_int8: dict[str, Artifact]) -> list[Opening]:
    return [Opening(file.path, "tflite") for file in (tiny_float, tiny_int8["int8"])]


class OnADevice:
    """Answers as the session of a file does, and counts the pictures."""

    def __init__(self, opening: Opening, device: str) -> None:
        self._session, self.identity = opening.again(), {"device": device}
        self.all = self.new = 0

    def __call__(self, batch: Tensor32) -> Tensor32:
        self.all += len(batch)
        self.new += len(batch)
        return self._session(batch)

    def counted(self) -> dict[str, float]:
        new, self.new = self.new, 0
        return {"pictures": new}

    def recall(self, counts: dict[str, float], pictures: int) -> None:
        assert counts == {"pictures": pictures}
        self.all += int(counts["pictures"])


class StoppedError(Exception):
    """Stands for whatever ends a run."""


def answered(
    openings: Sequence[Opening], pictures: Pictures, preprocess: Preprocess, stop: int = COUNT + 1
) -> tuple[Tally, list[str], list[int]]:
    """The tally, what was said about resuming, and what was reported; raises after `stop` pictures."""
    said: list[str] = []
    told: list[int] = []

    def progress(done: int, total: int) -> None:
        assert total == COUNT
        told.append(done)
        if done >= stop:
            raise StoppedError

    sessions = [opening.again() for opening in openings]
    return tallied(sessions, pictures, preprocess, progress, Means(1, resuming=said.append)), said, told


def test_it_continues_and_says_so(
    openings: list[Opening], pictures: Pictures, tiny_spec: ModelSpec, folder: Path
) -> None:
    preprocess = tiny_spec.preprocess
    whole, said, told = answered(openings, pictures, preprocess)
    assert (said, told[0], whole.skipped) == ([], SHARD, 1)
    assert not list(folder.iterdir()), "it is finished"
    with pytest.raises(StoppedError):
        answered(openings, pictures, preprocess, stop=3 * SHARD)
    again, said, told = answered(openings, pictures, preprocess)
    assert said == [
        f"Continuing after {3 * SHARD} of {COUNT} pictures, which an interrupted run has answered"
    ]
    assert told[0] == 4 * SHARD
    np.testing.assert_equal(asdict(again), asdict(whole))
    assert not list(folder.iterdir())


def test_what_a_device_answers_continues_with_its_counts(
    openings: list[Opening], pictures: Pictures, tiny_spec: ModelSpec, folder: Path
) -> None:
    def answered_there(device: str, stop: int = COUNT + 1) -> tuple[Tally, list[str], int]:
        said: list[str] = []

        def progress(done: int, *_: int) -> None:
            if done >= stop:
                raise StoppedError

        there = OnADevice(openings[1], device)
        there(np.zeros((1, *tiny_spec.preprocess.shape), np.float32))  # such as the golden sample
        sessions = [openings[0].again(), there]
        means = Means(resuming=said.append)
        found = tallied(sessions, pictures, tiny_spec.preprocess, progress, means)
        return found, said, there.all

    whole, said, count = answered_there("a phone")
    assert (said, count) == ([], 1 + COUNT - 1)  # one picture cannot be read
    with pytest.raises(StoppedError):
        answered_there("a phone", stop=3 * SHARD)
    assert not answered_there("another phone")[1]
    again, (line,), count = answered_there("a phone")
    assert line.startswith(f"Continuing after {3 * SHARD} of {COUNT} pictures")
    assert count == COUNT
    np.testing.assert_equal(asdict(again), asdict(whole))
    assert not list(folder.iterdir())


def test_whatever_decides_the_answers_begins_anew(
    openings: list[Opening], pictures: Pictures, tiny_spec: ModelSpec
) -> None:
    preprocess = tiny_spec.preprocess

    def continues(openings: list[Opening], pictures: Pictures, preprocess: Preprocess) -> bool:
        return bool(Kept(openings, Wanted(pictures, preprocess)).read(shards(COUNT)))

    with pytest.raises(StoppedError):
        answered(openings, pictures, preprocess, stop=SHARD)
    assert continues(openings, pictures, preprocess)
    assert not continues(openings[::-1], pictures, preprocess), "the models"
    assert not continues(openings, pictures, replace(preprocess, resize=41)), "the cropping"
    assert pictures.labels is not None
    assert not continues(openings, replace(pictures, labels=pictures.labels[::-1]), preprocess), "the labels"
    Image.new("RGB", (50, 50)).save(pictures.files[-1])
    assert not continues(openings, pictures, preprocess), "the pictures"


Spoil = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    ("spoil", "left"),
    [
        (lambda content: content[:-1], 1),  # killed while it was written
        (lambda content: content[: len(content) // 2 - 9], 0),
        (lambda content: content + b"\0" * 99, 2),
        (lambda content: content + b'{"start": 0, "bytes": 1e99}\n', 2),
        (lambda content: content + b"[" * 100_000 + b"\n", 2),
        (lambda content: content.replace(b'"count": 64', b'"count": 63'), 0),
        (lambda content: content.replace(b'"start": 192', b'"start": 193'), 1),
        (lambda content: content.replace(b'"classes": 6', b'"classes": 1'), 0),
        (lambda content: content.replace(b'"bytes": ', b'"bytes": -'), 0),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), 1),
        (lambda _: b"", 0),
        (lambda _: b"\xff\xfe\n" * 3, 0),
    ],
)
def test_what_is_found_may_be_anything(
    spoil: Spoil, left: int, openings: list[Opening], pictures: Pictures, tiny_spec: ModelSpec, folder: Path
) -> None:
    """Records up to the first one that is not whole count; whatever follows is computed again."""
    wanted = Wanted(pictures, tiny_spec.preprocess)
    with pytest.raises(StoppedError):
        answered(openings, replace(pictures, labels=None), wanted.preprocess, stop=4 * SHARD)
    wanted = replace(wanted, pictures=replace(pictures, labels=None))
    (file,) = folder.iterdir()
    records = Kept(openings, wanted).read(shards(COUNT))
    file.unlink()
    kept = Kept(openings, wanted)
    for shard in shards(COUNT)[2:4]:
        kept.add(shard, records[shard])
    file.write_bytes(spoil(file.read_bytes()))
    found = Kept(openings, wanted).read(shards(COUNT))
    assert len(found) == left
    for shard, tally in found.items():
        assert tally.sides.tobytes() == records[shard].sides.tobytes()
    kept.add(shards(COUNT)[4], records[shards(COUNT)[1]])
    assert len(kept.read(shards(COUNT))) == left, "another shard's pictures"
    kept.add(shards(COUNT)[0], records[shards(COUNT)[0]])
    assert len(kept.read(shards(COUNT))) == left + 1, "what is added afterwards can be read"


def test_numbers_that_are_none_are_refused(
    openings: list[Opening], pictures: Pictures, tiny_spec: ModelSpec
) -> None:
    wanted, (first, *_) = Wanted(replace(pictures, labels=None), tiny_spec.preprocess), shards(COUNT)
    with pytest.raises(StoppedError):
        answered(openings, wanted.pictures, wanted.preprocess, stop=SHARD)
    kept = Kept(openings, wanted)
    good = kept.read([first])[first]
    odd = [("sides", "confidence", np.nan), ("pairs", "noise", np.inf), ("sides", "best", 6)]
    for table, field, value in odd:
        forged = getattr(good, table).copy()
        forged[field][0, 3] = value
        kept.remove()
        kept.add(first, replace(good, **{table: forged}))
        assert not kept.read([first]), field
        kept.add(first, good)
        assert len(kept.read([first])) == 1


def test_without_a_place_to_write_it_starts_again(
    openings: list[Opening], pictures: Pictures, tiny_spec: ModelSpec, folder: Path
) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_bytes(b"in the way")
    found, said, _ = answered(openings, pictures, tiny_spec.preprocess)
    assert (len(found.indices), said) == (COUNT - 1, [])


def test_old_ones_are_removed(
    openings: list[Opening], pictures: Pictures, tiny_spec: ModelSpec, folder: Path
) -> None:
    folder.mkdir(parents=True)
    for name, days in (("old", 31), ("young", 29)):
        (folder / name).touch()
        os.utime(folder / name, times=(time.time() - 86_400 * days,) * 2)
    Kept(openings, Wanted(pictures, tiny_spec.preprocess))
    assert [file.name for file in folder.iterdir()] == ["young"]


def test_few_pictures_and_those_of_no_files_are_not_kept(
    openings: list[Opening], pictures: Pictures, tiny_spec: ModelSpec, folder: Path
) -> None:
    session = open_session(openings[0].path, "tflite", 1)
    means = Means(1, resuming=lambda _: None)
    few = replace(pictures, count=100)
    for some in (few, replace(pictures, files=())):
        tallied([session], some, tiny_spec.preprocess, lambda *_: None, means)
        assert not folder.exists()


_RUN = """
import sys
from pathlib import Path
from edgewise.pipeline.verify import verify

class Screen:
    def stage(self, title, number, of):
        from contextlib import contextmanager
        @contextmanager
        def shown():
            yield lambda done, total: print(done, flush=True)
        return shown()
    def notice(self, line):
        print(line, flush=True)

found = verify(sys.argv[1], data=sys.argv[2], progress=Screen())
print(found.verification.agreement.count, found.verification.skipped, flush=True)
"""


def test_a_killed_verify_goes_on(
    tiny_bundles: dict[str, Path], pictures: Pictures, folder: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _RUN, str(tiny_bundles["tflite"]), str(tmp_path / "photographs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        for line in first.stdout:
            if line.strip().isdigit() and int(line) >= 2 * SHARD:
                break
        first.send_signal(signal.SIGKILL)
    assert len(list(folder.iterdir())) == 1
    again = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    (line,) = [line for line in again if line.startswith("Continuing after ")]
    assert int(line.split()[2]) >= 2 * SHARD
    assert again[-1] == f"{COUNT - 1} 1"
    assert not list(folder.iterdir())
    assert pictures.count == COUNT
