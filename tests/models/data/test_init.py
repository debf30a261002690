"""The values of `--data`: folders with real files, and the generated shapes."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgewise.models.data import TRAIN_COUNT, VAL_COUNT, Dataset, Samples, generated, open_dataset
from edgewise.models.errors import UsageError
from edgewise.models.images import read_image
from edgewise.models.shapes import EVALUATION_CLUTTER, EVALUATION_SEED, SHAPES, TRAIN_SEED, shape_picture
from edgewise.models.spec import Labels


def picture(path: Path, seed: int | None = None) -> Path:
    """Save a small picture that is unique to the path, or to a seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = [seed] if seed is not None else list(str(path).encode())
    Image.fromarray(np.random.default_rng(content).integers(0, 256, (6, 8, 3), np.uint8)).save(path)
    return path


def fill(folder: Path, **counts: int) -> Path:
    """Save the given number of pictures in each class folder."""
    for name, count in counts.items():
        for index in range(count):
            picture(folder / name / f"{index:02}.png")
    return folder


def relative(samples: Samples, folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in samples.files]


def refused(source: str | Path) -> str:
    with pytest.raises(UsageError) as caught:
        open_dataset(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("second", ["val", "valid", "validation", "test"])
def test_train_and_val_folders_are_used_unchanged(tmp_path: Path, second: str) -> None:
    folder = tmp_path / "pets"
    fill(folder / "train", cat=3, dog=2)
    fill(folder / second, cat=1, dog=2)
    dataset = open_dataset(folder)
    assert dataset.description == f"pets, validated on {second}/"
    assert dataset.labels == Labels(("cat", "dog"))
    assert (dataset.train.labels, dataset.val.labels) == ((0, 0, 0, 1, 1), (0, 1, 1))
    assert relative(dataset.val, folder) == [
        f"{second}/cat/00.png",
        f"{second}/dog/00.png",
        f"{second}/dog/01.png",
    ]
    for index, file in enumerate(dataset.train.files):
        assert dataset.train.read(index).tobytes() == read_image(file).tobytes()
    assert (dataset.kinds, dataset.corrupt, dataset.notes) == ({}, (), ())


def test_class_folders_are_split_by_the_seed(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets", cat=40, dog=20)
    dataset = open_dataset(folder, val_share=0.25, seed=3)
    assert dataset.description == "pets, 25% of each class held out with seed 3"
    assert [dataset.val.labels.count(label) for label in (0, 1)] == [10, 5]
    assert [dataset.train.labels.count(label) for label in (0, 1)] == [30, 15]
    assert not {*dataset.train.files} & {*dataset.val.files}
    for samples in (dataset.train, dataset.val):
        assert [file.parent.name for file in samples.files] == [
            ("cat", "dog")[label] for label in samples.labels
        ]
    again = open_dataset(folder, val_share=0.25, seed=3)
    assert (again.train.files, again.val.files) == (dataset.train.files, dataset.val.files)
    assert open_dataset(folder, val_share=0.25, seed=4).val.files != dataset.val.files
    moved = Path(shutil.copytree(folder, tmp_path / "moved"))
    assert relative(open_dataset(moved, val_share=0.25, seed=3).val, moved) == relative(dataset.val, folder)


def test_copies_are_never_in_both_parts(tmp_path: Path) -> None:
    folder = fill(tmp_path, cat=6, dog=6)
    for name in ("cat", "dog"):
        for index in range(6):
            shutil.copy(folder / name / f"{index:02}.png", folder / name / f"copy{index}.png")
    dataset = open_dataset(folder, val_share=0.5)
    sides = [{file.read_bytes() for file in samples.files} for samples in (dataset.train, dataset.val)]
    assert not sides[0] & sides[1]
    assert (len(dataset.train), len(dataset.val)) == (12, 12)


def test_classes_are_in_natural_order(tmp_path: Path) -> None:
    folder = fill(tmp_path, **{"10": 2, "9": 2, "1": 2})
    assert open_dataset(folder).labels == Labels(("1", "9", "10"))


def test_wordnet_ids_become_ids(tmp_path: Path) -> None:
    folder = fill(tmp_path, n02012849_crane=2, n01440764_great_tench=2)
    assert open_dataset(folder).labels == Labels(("great tench", "crane"), ("n01440764", "n02012849"))


def test_every_kind_of_file_is_read_and_counted_or_skipped(tmp_path: Path) -> None:
    folder = fill(tmp_path, cat=4, dog=4)
    odd = folder / "dog" / "odd"
    odd.mkdir()
    colours = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8))
    colours.convert("L").save(odd / "grey.png")
    colours.convert("CMYK").save(odd / "cmyk.jpg")
    colours.quantize(8).save(odd / "palette.png")
    Image.fromarray(np.arange(48, dtype=np.uint16).reshape(6, 8) * 1000).save(odd / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    colours.save(odd / "turned.jpg", exif=exif)
    whole = picture(odd / "whole.png").read_bytes()
    (odd / "half.png").write_bytes(whole[: len(whole) // 2])
    (odd / "text.jpg").write_text("no picture")
    told: list[tuple[int, int]] = []
    dataset = open_dataset(folder, progress=lambda *now: told.append(now))
    assert dataset.kinds == {
        "grey": 2,
        "corrupt": 2,
        "CMYK": 1,
        "palette": 1,
        "16-bit": 1,
        "EXIF-rotated": 1,
    }
    half, text = dataset.corrupt
    assert half.startswith("dog/odd/half.png: ")
    assert text.startswith("dog/odd/text.jpg: not one of BMP, GIF, JPEG, PNG, TIFF, WEBP")
    files = {*dataset.train.files, *dataset.val.files}
    assert len(files) == len(dataset.train) + len(dataset.val) == 14
    assert not {odd / "half.png", odd / "text.jpg"} & files
    assert told == [(done, 16) for done in range(1, 17)]
    for samples in (dataset.train, dataset.val):
        assert {samples.read(index).mode for index in range(len(samples))} == {"RGB"}


def test_warnings_about_the_data(tmp_path: Path) -> None:
    folder = tmp_path
    fill(folder / "train", cat=3, dog=3, emu=3)
    fill(folder / "val", cat=2, dog=2)
    shutil.copy(folder / "train" / "cat" / "00.png", folder / "train" / "dog" / "same.png")
    shutil.copy(folder / "train" / "emu" / "01.png", folder / "val" / "cat" / "same.png")
    shutil.copy(folder / "train" / "dog" / "01.png", folder / "val" / "dog" / "same.png")
    assert open_dataset(folder).notes == (
        "1 of 3 classes have no validation pictures (first: 'emu')",
        "2 pictures are in more than one class (first: train/cat/00.png and train/dog/same.png)",
        (
            "2 validation pictures are also in the training set, which inflates the accuracy "
            "(first: train/dog/01.png and val/dog/same.png)"
        ),
    )


def test_one_picture_per_class_cannot_be_split(tmp_path: Path) -> None:
    assert "no pictures are left for validation; add at least two" in refused(fill(tmp_path, cat=1, dog=1))
    fill(tmp_path, cat=2)
    assert open_dataset(tmp_path).notes == ("1 of 2 classes have no validation pictures (first: 'dog')",)


def test_anything_but_a_folder_of_classes_is_refused(tmp_path: Path) -> None:
    assert "missing: No such file or directory; pass a folder" in refused(tmp_path / "missing")
    assert "contains no pictures" in refused(tmp_path)
    for name, fix in (
        ("a.zip", "unpack it and pass"),
        ("a.tar.GZ", "unpack it"),
        ("a.csv", "is a file; pass a folder"),
    ):
        (tmp_path / name).touch()
        assert fix in refused(tmp_path / name)
    picture(tmp_path / "loose" / "a.png")
    assert "1 pictures are outside the class folders (first: a.png)" in refused(tmp_path / "loose")
    one = refused(fill(tmp_path / "one", cat=3))
    assert "contains only one class, 'cat'; need at least two folders" in one
    assert "one class, 'train'" in refused(fill(tmp_path / "untold" / "train", cat=3).parent)


def test_validation_classes_must_be_in_the_training_set(tmp_path: Path) -> None:
    fill(tmp_path / "train", cat=2, dog=2)
    fill(tmp_path / "val", cat=2, Dog=2)
    assert "train/ lacks 1 of the 2 validation classes (first: 'Dog', closest match: 'dog')" in refused(
        tmp_path
    )


def test_too_many_corrupt_pictures_are_refused(tmp_path: Path) -> None:
    folder = fill(tmp_path, cat=4, dog=4)
    for index in range(4):
        (folder / "cat" / f"{index:02}.png").write_bytes(b"none")
    assert "1 of 2 classes have no readable training pictures (first class: 'cat') (first: cat/00.png: " in (
        refused(folder)
    )
    (folder / "dog" / "00.png").write_bytes(b"none")
    assert "5 of 8 pictures cannot be read (first: cat/00.png: not one of BMP" in refused(folder)


def test_a_class_name_must_fit_into_labels_txt(tmp_path: Path) -> None:
    assert "rename the class" in refused(fill(tmp_path, **{"a\nb": 2, "c": 2}))


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_validation_share_of_none_or_all_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(UsageError, match="--val-share"):
        open_dataset(tmp_path, val_share=share)


def test_shapes_is_the_generated_set() -> None:
    dataset = open_dataset("shapes", size=24)
    assert dataset.labels == Labels(SHAPES)
    assert (len(dataset.train), len(dataset.val)) == (TRAIN_COUNT, VAL_COUNT)
    for samples, seed, clutter in (
        (dataset.train, TRAIN_SEED, 0.0),
        (dataset.val, EVALUATION_SEED, EVALUATION_CLUTTER),
    ):
        for index in (0, 17, 4799):
            pixels, label = shape_picture(24, seed, index, clutter)
            assert np.array_equal(np.asarray(samples.read(index)), pixels)
            assert samples.labels[index] == label


def test_a_folder_called_shapes_is_passed_as_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "shapes", cat=2, dog=2)
    monkeypatch.chdir(tmp_path)
    assert open_dataset("./shapes").labels == Labels(("cat", "dog"))
    assert open_dataset("shapes").labels == Labels(SHAPES)


def test_no_validation_set_overlaps_the_training_set_of_another_seed() -> None:
    drawn: dict[str, set[bytes]] = {"train": set(), "val": set()}
    for seed in range(4):
        dataset = generated(16, 12, 12, seed)
        drawn["train"] |= {dataset.train.read(index).tobytes() for index in range(12)}
        drawn["val"] |= {dataset.val.read(index).tobytes() for index in range(12)}
    assert len(drawn["train"]) == len(drawn["val"]) == 48
    assert not drawn["train"] & drawn["val"]
    with pytest.raises(UsageError, match="12 training and 11 validation pictures: need at least 12"):
        generated(16, 12, 11)


@pytest.mark.parametrize("kind", ["generated", "files"])
def test_datasets_can_be_pickled_for_worker_processes(tmp_path: Path, kind: str) -> None:
    dataset: Dataset = (
        generated(16, 12, 12) if kind == "generated" else open_dataset(fill(tmp_path, a=2, b=2))
    )
    other = pickle.loads(pickle.dumps(dataset.train))  # noqa: S301 - our own
    assert other.read(1).tobytes() == dataset.train.read(1).tobytes()
