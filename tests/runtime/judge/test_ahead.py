"""Pictures that another process reads, while this one does something else."""

import math
import os
import pickle
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import ModelSpec, Preprocess
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime.judge import ahead
from edgewise.runtime.judge.ahead import reading_ahead
from edgewise.runtime.judge.evaluation import from_files, take, unlabelled


def children() -> list[int]:
    """The process ids of this process's children that still run."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(child) for child in listed if "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]]


@pytest.fixture
def preprocess(tiny_spec: ModelSpec) -> Preprocess:
    return tiny_spec.preprocess


def test_the_pixels_are_those_that_this_process_reads(preprocess: Preprocess, tmp_path: Path) -> None:
    pictures = replace(unlabelled(seed=3), count=12)
    before = children()
    with reading_ahead(pictures, preprocess, tmp_path) as ready:
        assert len(children()) == len(before) + 1
        assert (ready.count, ready.description) == (12, pictures.description)
        for index in (11, 0, 5):
            assert np.array_equal(ready.read(index, preprocess), pictures.read(index, preprocess))
        larger = replace(preprocess, size=40, resize=44)
        assert ready.read(1, larger).shape == (40, 40, 3)
    assert children() == before


def test_an_unreadable_picture_is_reported_as_ever(preprocess: Preprocess, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    Image.new("RGB", (64, 64), (9, 8, 7)).save(good)
    bad.write_bytes(b"not a picture")
    with reading_ahead(from_files([bad, good]), preprocess, tmp_path) as ready:
        with pytest.raises(EdgewiseError, match=r"bad\.png: cannot be read as a picture"):
            ready.read(0, preprocess)
        assert (ready.read(1, preprocess) == (9, 8, 7)).all()


def test_what_does_not_fit_is_read_when_it_is_needed(
    preprocess: Preprocess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_MOST_BYTES", 2 * math.prod(preprocess.shape))
    pictures = replace(unlabelled(seed=3), count=5)
    with reading_ahead(pictures, preprocess, tmp_path) as ready:
        assert (tmp_path / "pictures").stat().st_size == 2 * math.prod(preprocess.shape)
        for index in range(5):
            assert np.array_equal(ready.read(index, preprocess), pictures.read(index, preprocess))


def test_a_reader_that_dies_costs_nothing_but_time(preprocess: Preprocess, tmp_path: Path) -> None:
    pictures = replace(unlabelled(seed=3), count=500)
    before = children()
    with reading_ahead(pictures, preprocess, tmp_path) as ready:
        ready.read(0, preprocess)
        (reader,) = set(children()) - set(before)
        os.kill(reader, signal.SIGKILL)
        assert np.array_equal(ready.read(499, preprocess), pictures.read(499, preprocess))


def test_an_error_meanwhile_ends_the_reader(preprocess: Preprocess, tmp_path: Path) -> None:
    before = children()
    with pytest.raises(ZeroDivisionError), reading_ahead(unlabelled(seed=3), preprocess, tmp_path):
        _ = 1 / 0
    assert children() == before


def test_parts_go_to_other_processes(preprocess: Preprocess, tmp_path: Path) -> None:
    """They hold what was read so far, and read the rest; an unreadable picture stays so."""
    for index in range(12):
        Image.fromarray(dead_leaves(40, 5, index)).save(tmp_path / f"{index:02}.png")
    (tmp_path / "03.png").write_bytes(b"not a picture")
    files = sorted(tmp_path.glob("*.png"))
    pictures = from_files(files)
    with reading_ahead(pictures, preprocess, tmp_path) as ready:
        ready.read(7, preprocess)
        for file in files[:7]:
            file.unlink()
        sent = pickle.loads(pickle.dumps(take(ready, [9, 3, 5, 11])))  # noqa: S301 - made here
        for place, index in ((0, 9), (2, 5), (3, 11)):
            assert np.array_equal(sent.read(place, preprocess), ready.read(index, preprocess))
        assert np.array_equal(take(sent, [2]).read(0, preprocess), ready.read(5, preprocess))
        with pytest.raises(EdgewiseError):
            sent.read(1, preprocess)
        larger = replace(preprocess, size=40, resize=44)
        assert sent.read(0, larger).shape == (40, 40, 3)
        assert len(pickle.dumps(sent)) < 4000
