"""Calibration pictures, drawn from folders and generated."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgewise.models.errors import UsageError
from edgewise.models.spec import Preprocess
from edgewise.models.synthetic import dead_leaves
from edgewise.quantize.calibration import FEWEST, from_folder, generated

SMALL = Preprocess(size=16, resize=20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures, one of them in a subfolder."""
    (tmp_path / "below").mkdir()
    for index in range(12):
        name = tmp_path / ("below/11.png" if index == 11 else f"{index:02}.png")
        Image.fromarray(dead_leaves(24, 5, index)).save(name)
    return tmp_path


def test_generated_pictures_depend_only_on_the_seed() -> None:
    first, again, other = generated(SMALL, 8, 0), generated(SMALL, 8, 0), generated(SMALL, 8, 1)
    assert first.pixels.shape == (8, 16, 16, 3)
    assert first.pixels.dtype == np.uint8
    assert np.array_equal(first.pixels, again.pixels)
    assert not (first.pixels == other.pixels).all(axis=(1, 2, 3)).any()
    assert np.array_equal(generated(SMALL, 9, 0).pixels[:8], first.pixels)
    assert not first.seen


def test_inputs_are_normalised_one_by_one() -> None:
    calibration = generated(SMALL, 8, 0)
    inputs = list(calibration.inputs())
    assert len(inputs) == 8
    assert inputs[0].shape == (1, 16, 16, 3)
    assert np.array_equal(np.concatenate(inputs), SMALL.normalise(calibration.pixels))
    assert np.array_equal(calibration.batch(3), np.concatenate(inputs[:3]))
    assert len(calibration.batch(100)) == 8


def test_pictures_of_a_folder_are_sampled_with_the_seed(folder: Path) -> None:
    first, again, other = (from_folder(folder, SMALL, 8, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.pixels, again.pixels)
    assert first.seen.files == again.seen.files
    assert first.seen.files != other.seen.files
    assert first.source == folder.name


def test_digests_and_unused_files_split_the_folder(folder: Path) -> None:
    found = from_folder(folder, SMALL, 8, 0)
    files = {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in folder.rglob("*.png")}
    assert len(found.seen.files) == 8
    assert len(found.unused) == 4
    assert {files[digest] for digest in found.seen.files} | {*found.unused} == {*files.values()}


def test_a_copy_of_a_used_picture_is_not_unused(folder: Path) -> None:
    used = from_folder(folder, SMALL, 8, 0).seen.files
    for file in sorted(folder.glob("*.png")):
        shutil.copy(file, folder / f"copy-{file.name}")
    found = from_folder(folder, SMALL, 8, 0)
    assert found.seen.files != used  # another seed samples other files
    assert not found.seen.files & {hashlib.sha256(file.read_bytes()).hexdigest() for file in found.unused}


def test_unreadable_files_are_skipped_and_counted(folder: Path) -> None:
    for name in ("00.png", "05.png"):
        (folder / name).write_bytes(b"not a picture")
    found = from_folder(folder, SMALL, 10, 0)
    assert (len(found.pixels), found.skipped) == (10, 2)
    assert found.to_json()["skipped"] == 2
    with pytest.raises(UsageError, match=r"10 readable .* calibration .2 unreadable., but 11"):
        from_folder(folder, SMALL, 11, 0)


def test_without_a_count_a_small_folder_is_used_completely(folder: Path) -> None:
    assert len(from_folder(folder, SMALL, None, 0).pixels) == 12
    for index in range(5):
        (folder / f"{index:02}.png").unlink()
    with pytest.raises(UsageError, match=f"7 readable pictures .* {FEWEST} are needed"):
        from_folder(folder, SMALL, None, 0)


@pytest.mark.parametrize("count", [-1, 0, FEWEST - 1])
def test_a_count_that_is_too_low_is_refused(folder: Path, count: int) -> None:
    message = f"{count} calibration pictures are too few: at least {FEWEST}"
    with pytest.raises(UsageError, match=message):
        generated(SMALL, count, 0)
    with pytest.raises(UsageError, match=message):
        from_folder(folder, SMALL, count, 0)


def test_the_manifest_section_distinguishes_sets() -> None:
    first, other = generated(SMALL, 8, 0).to_json(), generated(SMALL, 8, 1).to_json()
    assert json.loads(json.dumps(first)) == first
    assert (first["count"], first["seed"], first["source"]) == (8, 0, "generated dead leaves")
    assert first["sha256"] != other["sha256"]


def test_the_manifest_section_names_the_files(folder: Path) -> None:
    calibration = from_folder(folder, SMALL, 8, 0)
    assert calibration.to_json()["files"] == sorted(calibration.seen.files)
