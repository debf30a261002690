"""Generated pictures on the disk, and what a folder of pictures holds, in words and as JSON."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from edgewise.models._decode import formats
from edgewise.models.data import TRAIN_COUNT, VAL_COUNT, generated, open_dataset
from edgewise.models.shapes import SHAPES

if TYPE_CHECKING:
    import subprocess

Run = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def made(edgewise: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty generated pictures of 16 pixels to learn from and fourteen to judge by; not to be changed."""
    folder = tmp_path_factory.mktemp("made") / "new" / "set"
    ended = edgewise("data", "make", "shapes", folder, "--count", 30, "--val-count", 14, "--size", 16)
    assert (ended.notices, ended.left) == ([], ())
    assert ended.stdout == f"{folder}: generated shapes, 30 for training and 14 for validation\n"
    return folder


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Nine cats, one of them grey, four dogs, one of them a cat, four to judge by; a damaged file."""
    folder = tmp_path / "pets"
    for place, (name, count) in enumerate(
        {"train/cat": 8, "train/dog": 4, "val/cat": 2, "val/dog": 2}.items()
    ):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", (9, 9), (index, place, 0)).save(folder / name / f"{index}.png")
    cats, dogs = folder / "train" / "cat", folder / "train" / "dog"
    (dogs / "3.png").write_bytes((cats / "0.png").read_bytes())
    Image.new("L", (9, 9)).save(cats / "grey.png")
    (cats / "not\x1b[2J.png").write_text("no picture")
    return folder


def test_the_generated_set_is_opened_as_it_was_drawn(made: Path) -> None:
    opened, drawn = open_dataset(made), generated(16, 30, 14)
    assert opened.labels.names == tuple(sorted(SHAPES))
    for written, original in (opened.train, drawn.train), (opened.val, drawn.val):
        assert len(written) == len(original)
        for place, file in enumerate(written.files):
            index = int(file.stem)
            assert opened.labels.names[written.labels[place]] == SHAPES[original.labels[index]]
            assert written.read(place).tobytes() == original.read(index).tobytes()
    assert sorted(path.name for path in made.iterdir()) == ["train", "val"]
    assert list(made.parent.iterdir()) == [made]


def test_another_seed_gives_other_pictures(edgewise: Run, made: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = edgewise(
        *("data", "make", "shapes", tmp_path / "empty", "--seed", 5),
        *("--count", 12, "--val-count", 12, "--size", 16),
    )
    assert ended.code == 0
    first = open_dataset(tmp_path / "empty").train
    assert not {file.read_bytes() for file in first.files} & {
        file.read_bytes() for file in made.rglob("*.png")
    }


def test_by_default_it_is_what_training_draws(edgewise: Run) -> None:
    text = edgewise("data", "make", "--help").stdout
    assert f"[default: {TRAIN_COUNT};" in text
    assert f"[default: {VAL_COUNT};" in text


def test_an_interrupted_set_leaves_nothing(start: Start, tmp_path: Path) -> None:
    temporary, target = tmp_path / "tmp", tmp_path / "sets" / "set"
    temporary.mkdir()
    with start("data", "make", "shapes", target, "--json", temporary=temporary) as child:
        while child.poll() is None and not list(target.parent.rglob("*.png")):
            time.sleep(0.05)
        child.terminate()
        stdout, stderr = child.communicate()
    assert child.returncode == 130, stderr
    document = json.loads(stdout)
    assert (document["schema"], document["schema_version"]) == ("edgewise.error", 1)
    assert (document["error"]["exit_code"], document["error"]["exit_name"]) == (130, "interrupted")
    assert "edgewise: interrupted; nothing half-written is left" in stderr
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("there", ["file", "folder"])
def test_nothing_is_overwritten(edgewise: Run, tmp_path: Path, there: str) -> None:
    target = tmp_path / "set"
    mine = target if there == "file" else target / "mine.txt"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    ended = edgewise("data", "make", "shapes", target, "--count", 12)
    assert ended.code == 2
    assert "set: exists already; name a new or an empty folder" in ended.complaint
    assert mine.read_text() == "mine"


def test_a_set_in_words(edgewise: Run, pets: Path) -> None:
    ended = edgewise("data", "show", pets)
    assert ended.left == ()
    lines = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    for line in (
        "class train val",
        "cat 9 2",
        "dog 4 2",
        "all 13 4",
        "pets, validated on val/",
        "the largest class has 2.2 times as many pictures as the smallest",
        "other than plain RGB: 1 grey, 1 corrupt",
        "! 1 pictures are in more than one class (first: train/cat/0.png and train/dog/3.png)",
        (f"! left out: train/cat/not\N{REPLACEMENT CHARACTER}[2J.png: not one of {', '.join(formats())}"),
    ):
        assert line in lines


def test_the_part_to_judge_by_may_be_chosen(edgewise: Run, pets: Path) -> None:
    shown = edgewise("data", "show", pets / "train", "--val-share", 0.25, "--seed", 3, "--json").document
    dataset = open_dataset(pets / "train", val_share=0.25, seed=3)
    assert shown["description"] == "train, 25% of each class held out with seed 3"
    assert [row["val"] for row in shown["classes"]] == [dataset.val.labels.count(label) for label in (0, 1)]


def test_of_many_corrupt_files_the_screen_shows_some(edgewise: Run, pets: Path) -> None:
    for index in range(8):
        (pets / "train" / "dog" / f"bad{index}.png").write_bytes(b"none")
    for index in range(4):
        (pets / "train" / "cat" / f"bad{index}.png").write_bytes(b"none")
    ended = edgewise("data", "show", pets)
    assert ended.code == 0
    assert ended.notices == []  # what was found in the pictures is the result
    assert ended.stdout.count("left out: ") == 11
    assert "! left out: 3 more, which --json lists" in ended.stdout.splitlines()
    assert len(edgewise("data", "show", pets, "--json").document["corrupt"]) == 13


def test_a_set_in_json(edgewise: Run, pets: Path) -> None:
    ended = edgewise("data", "show", pets, "--json")
    assert (ended.notices, ended.left) == ([], ())
    dataset, found = open_dataset(pets), ended.document
    assert (found["train"], found["val"]) == (len(dataset.train), len(dataset.val))
    assert [row["name"] for row in found["classes"]] == ["cat", "dog"]
    assert [row["train"] for row in found["classes"]] == [
        dataset.train.labels.count(label) for label in (0, 1)
    ]
    assert found["imbalance"] == found["classes"][0]["train"] / found["classes"][1]["train"]
    assert (found["kinds"], found["corrupt"]) == (dataset.kinds, list(dataset.corrupt))
    assert found["notes"] == list(dataset.notes)
    assert len(found["notes"]) == 1


def test_the_generated_set_needs_no_folder(edgewise: Run) -> None:
    found = edgewise("data", "show", "shapes", "--json").document
    assert (found["train"], found["val"], found["imbalance"]) == (TRAIN_COUNT, VAL_COUNT, 1.0)
    assert [row["name"] for row in found["classes"]] == list(SHAPES)


def test_what_is_no_set_is_a_usage_error(edgewise: Run, tmp_path: Path) -> None:
    ended = edgewise("data", "show", tmp_path / "nothing", "--json")
    assert ended.code == 2
    assert ended.error["exit_name"] == "usage"
    assert "nothing: No such file or directory; pass a folder of pictures" in ended.complaint
