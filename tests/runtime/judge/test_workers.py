"""Processes that answer pictures: the same answers, clear errors, and nobody is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgewise.export.artifact import Artifact
from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import ModelSpec
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime import Opening
from edgewise.runtime.judge.evaluation import Pictures, from_files
from edgewise.runtime.judge.shards import SHARD, Wanted, shards
from edgewise.runtime.judge.workers import in_workers

COUNT = 3 * SHARD + 5


def children(of: int) -> list[int]:
    """The process ids of the children that still run."""
    listed = Path(f"/proc/{of}/task/{of}/children").read_text().split()
    return [int(child) for child in listed if "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]]


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    """Small files, of which the last is no picture."""
    for index in range(COUNT - 1):
        Image.fromarray(dead_leaves(40, 0, index % 7)).save(tmp_path / f"{index:04}.png")
    (tmp_path / f"{COUNT - 1:04}.png").write_bytes(b"not a picture")
    files = sorted(tmp_path.glob("*.png"))
    return Pictures("files", from_files(files).read, COUNT, files=tuple(files))


def opening(file: Artifact) -> Opening:
    return Opening(file.path, file.target)


def test_a_dead_worker_is_an_error_that_says_how_it_ended(
    pictures: Pictures, tiny_float: Artifact, tiny_spec: ModelSpec
) -> None:
    before = children(os.getpid())
    answered = in_workers([opening(tiny_float)], Wanted(pictures, tiny_spec.preprocess), shards(COUNT), 1)
    shard, tally = next(answered)
    assert len(tally.indices) == len(shard)
    (worker,) = set(children(os.getpid())) - set(before)
    os.kill(worker, signal.SIGKILL)
    with pytest.raises(EdgewiseError, match=r"ended with SIGKILL; .*--jobs 1"):
        list(answered)
    assert children(os.getpid()) == before


def test_what_a_session_raises_is_raised_here(
    pictures: Pictures, tiny_spec: ModelSpec, tmp_path: Path
) -> None:
    before = children(os.getpid())
    gone = Opening(tmp_path / "gone.tflite", "tflite")
    with pytest.raises(EdgewiseError, match=r"gone\.tflite: LiteRT cannot open it"):
        list(in_workers([gone], Wanted(pictures, tiny_spec.preprocess), shards(COUNT), 2))
    assert children(os.getpid()) == before


def test_an_end_in_the_middle_leaves_no_process(
    pictures: Pictures, tiny_float: Artifact, tiny_spec: ModelSpec
) -> None:
    before = children(os.getpid())
    answered = in_workers([opening(tiny_float)], Wanted(pictures, tiny_spec.preprocess), shards(COUNT), 2)
    next(answered)
    assert len(children(os.getpid())) == len(before) + 2
    answered.close()  # type: ignore[attr-defined]
    assert children(os.getpid()) == before


def test_unreadable_pictures_are_counted_and_pictures_keep_their_numbers(
    pictures: Pictures, tiny_float: Artifact, tiny_spec: ModelSpec
) -> None:
    wanted = Wanted(pictures, tiny_spec.preprocess, sampled=range(0, COUNT, 50))
    found = dict(in_workers([opening(tiny_float)], wanted, shards(COUNT)[1:], 2))
    assert [*sorted(found, key=lambda shard: shard.start)] == shards(COUNT)[1:]
    for shard, tally in found.items():
        readable = [number for number in shard if number < COUNT - 1]
        assert tally.indices.tolist() == readable
        assert tally.skipped == len(shard) - len(readable)
        sampled = [number for number in readable if number % 50 == 0]
        assert (tally.sample.indices.tolist() if tally.sample else []) == sampled


_PARENT = """
import sys, time
from pathlib import Path
from edgewise.runtime import Opening
from edgewise.runtime.judge.evaluation import from_files
from edgewise.runtime.judge.shards import Wanted
from edgewise.runtime.judge.workers import in_workers
from edgewise.models.spec import Preprocess

file, model = map(Path, sys.argv[1:])
pictures = from_files([file] * 500)
wanted = Wanted(pictures, Preprocess(32, 36))
for _ in in_workers([Opening(model, "tflite")], wanted, [range(500)] * 1000, 2):
    print("answered", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_the_process_that_has_started_them(
    tiny_float: Artifact, tmp_path: Path, number: signal.Signals
) -> None:
    """It has no guard for its main module, which `multiprocessing` would need."""
    file, script = tmp_path / "0.png", tmp_path / "script.py"
    Image.fromarray(dead_leaves(40, 0, 0)).save(file)
    script.write_text(_PARENT)
    command = [sys.executable, str(script), str(file), str(tiny_float.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"answered\n"
        workers = children(parent.pid)
        assert len(workers) == 2
        parent.send_signal(number)
        parent.wait(60)
    end = time.monotonic() + 60
    while time.monotonic() < end and any(Path(f"/proc/{worker}").exists() for worker in workers):
        time.sleep(0.1)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_each_process_uses_one_thread_for_linear_algebra(
    pictures: Pictures, tiny_float: Artifact, tiny_spec: ModelSpec
) -> None:
    before = set(children(os.getpid()))
    answered = in_workers([opening(tiny_float)], Wanted(pictures, tiny_spec.preprocess), shards(COUNT), 1)
    next(answered)
    (worker,) = set(children(os.getpid())) - before
    settings = Path(f"/proc/{worker}/environ").read_bytes().split(b"\0")
    assert b"OMP_NUM_THREADS=1" in settings
    answered.close()  # type: ignore[attr-defined]


def test_tallies_do_not_depend_on_how_many_there_are(
    pictures: Pictures, tiny_int8: dict[str, Artifact], tiny_float: Artifact, tiny_spec: ModelSpec
) -> None:
    openings = [opening(tiny_float), opening(tiny_int8["int8"])]
    wanted = Wanted(pictures, tiny_spec.preprocess)
    one, three = (dict(in_workers(openings, wanted, shards(COUNT), jobs)) for jobs in (1, 3))
    assert one.keys() == three.keys()
    for shard, tally in one.items():
        np.testing.assert_array_equal(tally.sides, three[shard].sides)
        np.testing.assert_array_equal(tally.pairs, three[shard].pairs)


def test_a_system_without_room_for_processes(
    pictures: Pictures, tiny_float: Artifact, tiny_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(
        EdgewiseError, match=r"no process can be started \(No such file or directory\); .*--jobs 1"
    ):
        list(in_workers([opening(tiny_float)], Wanted(pictures, tiny_spec.preprocess), shards(COUNT), 2))
