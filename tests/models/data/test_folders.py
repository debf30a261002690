"""Finding pictures in class folders, and matching folders to classes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgewise.models.data.folders import (
    _classes,
    class_folders,
    labelled_images,
    labels_of,
    part_to_judge,
    parts,
    text_order,
)
from edgewise.models.errors import UsageError
from edgewise.models.spec import Labels

BIRDS = Labels(
    ("tench", "crane", "crane", "jack-o'-lantern"), ("n01440764", "n02012849", "n03126707", "n03590841")
)
NOISE = np.random.default_rng(0).integers(0, 256, (23, 31, 3), np.uint8)


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(NOISE).save(path)
    return path


def grow(root: Path, *names: str) -> Path:
    for name in names:
        picture(root / name)
    return root


def test_training_and_validation_folders_are_found(tmp_path: Path) -> None:
    root = grow(tmp_path, "train/a/1.png", "test/a/2.png")
    assert parts(root) == (root / "train", root / "test")
    grow(root, "Validation/a/3.png", "notes/4.png")
    assert parts(root) == (root / "train", root / "Validation")
    grow(root, "val/a/5.png")
    assert parts(root) == (root / "train", root / "val")
    assert parts(root / "train") is None
    assert parts(root / "nothing") is None


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    root = grow(tmp_path, "bus/1.png", "train/2.png", "test/3.png")
    assert parts(root) is None
    assert list(class_folders(root, [])) == ["bus", "test", "train"]


def test_pictures_directly_in_train_and_val_are_refused(tmp_path: Path) -> None:
    root = grow(tmp_path, "train/1.png", "val/2.png")
    assert parts(root) == (root / "train", root / "val")
    with pytest.raises(
        UsageError, match=r"train: 1 pictures are outside the class folders \(first: 1\.png\)"
    ):
        class_folders(root / "train", [])


def test_a_model_is_evaluated_on_the_validation_folder_unless_it_is_a_class(tmp_path: Path) -> None:
    root = grow(tmp_path, "train/tench/1.png", "valid/tench/2.png")
    assert part_to_judge(root, BIRDS) == root / "valid"
    assert part_to_judge(root / "valid", BIRDS) == root / "valid"
    assert part_to_judge(root, Labels(("bus", "Train"))) == root


def test_class_folders_are_in_natural_order_with_all_their_pictures(tmp_path: Path) -> None:
    names = ["10/a.png", "2/deeper/b.png", "2/c.png", "02/d.png", "a10b/e.png", "a9/f.png", "B/g.png"]
    found = class_folders(grow(tmp_path, *names), [])
    assert list(found) == ["02", "2", "10", "B", "a9", "a10b"]
    assert found["2"] == [tmp_path / "2" / "c.png", tmp_path / "2" / "deeper" / "b.png"]


def test_a_class_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    grow(tmp_path, "cat/a.png", ".hidden/a.png")
    (tmp_path / "dog").mkdir()
    with pytest.raises(UsageError, match=r"dog: contains no pictures \(1 of 2 class folders are empty\)"):
        class_folders(tmp_path, [])


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["n01440764_tench", "n02012849 wood_crane"], Labels(("tench", "wood crane"), BIRDS.ids[:2])),
        (["n01440764", "n02012849"], Labels(BIRDS.ids[:2], BIRDS.ids[:2])),
        (["n01440764_tench", "crane"], Labels(("n01440764_tench", "crane"))),
        (["n01440764_a", "n01440764_b"], Labels(("n01440764_a", "n01440764_b"))),
        (["n014407645", "n02012849x"], Labels(("n014407645", "n02012849x"))),
    ],
)
def test_wordnet_ids_are_separated_if_every_folder_has_its_own(names: list[str], labels: Labels) -> None:
    assert labels_of(names) == labels
    assert _classes(Path("set"), names, labels) == {name: place for place, name in enumerate(names)}


@pytest.mark.parametrize("name", ["tench", "TENCH", "n01440764", "N01440764", "n01440764_tench", "Tench-"])
def test_class_folders_are_matched_by_name_or_id(tmp_path: Path, name: str) -> None:
    path = picture(tmp_path / name / "deeper" / "a.png")
    lantern = picture(tmp_path / "Jack O Lantern" / "b.png")
    (tmp_path / "empty folders are ignored").mkdir()
    assert sorted(labelled_images(tmp_path, BIRDS).pairs, key=lambda pair: pair[1]) == [
        (path, 0),
        (lantern, 3),
    ]


def test_an_ambiguous_name_is_refused_and_the_ids_are_listed(tmp_path: Path) -> None:
    picture(tmp_path / "crane" / "a.png")
    with pytest.raises(
        UsageError, match=r"several classes: 'crane' \(n02012849\), 'crane' \(n03126707\); .* its id"
    ):
        labelled_images(tmp_path, BIRDS)
    with pytest.raises(UsageError, match="pass the ids with --labels"):
        labelled_images(tmp_path, Labels(BIRDS.names))
    (tmp_path / "crane").rename(tmp_path / "n03126707")
    assert labelled_images(tmp_path, BIRDS).pairs == [(tmp_path / "n03126707" / "a.png", 2)]


def test_an_unknown_folder_is_refused_and_the_closest_classes_are_listed(tmp_path: Path) -> None:
    picture(tmp_path / "tensh" / "a.png")
    picture(tmp_path / "n02012849" / "a.png")
    with pytest.raises(
        UsageError, match=r"tensh: .* 4 classes \(1 of 2 folders do not match\); closest: 'tench' \(n014407"
    ):
        labelled_images(tmp_path, BIRDS)
    (tmp_path / "tensh").rename(tmp_path / "val")
    with pytest.raises(UsageError, match="the first classes are: 'tench'"):
        labelled_images(tmp_path, BIRDS)


def test_an_exact_name_is_preferred_to_a_similar_one(tmp_path: Path) -> None:
    labels = Labels(("c-3", "C 3", "C++"))
    paths = [picture(tmp_path / name / "a.png") for name in ("C 3", "C++", "c-3")]
    assert labelled_images(tmp_path, labels).pairs == [(paths[0], 1), (paths[1], 2), (paths[2], 0)]


def test_pictures_outside_class_folders_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "tench" / "a.png")
    picture(tmp_path / "loose.png")
    with pytest.raises(UsageError, match=r"1 pictures are outside the class folders \(first: loose\.png\)"):
        labelled_images(tmp_path, BIRDS)


def test_an_empty_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tench").mkdir()
    with pytest.raises(UsageError, match="contains no pictures"):
        labelled_images(tmp_path, BIRDS)


def test_numbers_are_output_indices_if_no_name_matches() -> None:
    folder = Path("set")
    assert _classes(folder, ["0", "03", "2"], BIRDS) == {"0": 0, "03": 3, "2": 2}
    assert _classes(folder, ["1", "2"], Labels(("2", "1"))) == {"1": 1, "2": 0}
    for names in (["0", "tench"], ["0", "4"], ["-1"], ["²"]):
        with pytest.raises(UsageError, match="matches none"):
            _classes(folder, names, BIRDS)


def numbered(root: Path, *names: str) -> tuple[str, ...]:
    grow(root, *(f"{name}/a.png" for name in names))
    return labelled_images(root, Labels(tuple(f"class {index}" for index in range(12)))).notices


def test_folders_called_by_numbers_are_announced_with_both_readings(tmp_path: Path) -> None:
    (line,) = numbered(tmp_path, *map(str, range(12)))
    assert line == (
        f"{tmp_path}: folders called by numbers are taken for places in the model's output, '10' for output "
        "10; torchvision's ImageFolder and Keras count folders in the order of their names as text, '10' for "
        "output 2: if the model was trained so, write the names in that order into a file, and pass it with "
        "--labels"
    )


def test_numbers_that_begin_with_one_have_two_readings_as_well(tmp_path: Path) -> None:
    (line,) = numbered(tmp_path, "1", "2")
    assert "'1' for output 1; torchvision's ImageFolder" in line
    assert "'1' for output 0: if" in line


def test_numbers_whose_order_as_text_is_the_same_are_announced(tmp_path: Path) -> None:
    (line,) = numbered(tmp_path, "00", "01", "02")
    assert line.endswith("places in the model's output, which is also their order as text")


def test_names_are_not_announced(tmp_path: Path) -> None:
    grow(tmp_path, "tench/a.png")
    assert labelled_images(tmp_path, BIRDS).notices == ()
    assert labelled_images(grow(tmp_path / "numbers", "2/a.png"), Labels(("1", "2"))).notices == ()


def test_the_order_as_text_is_another_one_or_none() -> None:
    order = text_order({str(index): index for index in range(12)}, 12)
    assert [label for _, label in order] == [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]
    assert text_order({f"{index:02}": index for index in range(12)}, 12) == ()
    assert text_order({"0": 0, "1": 1, "10": 10}, 12) == (), "folders are missing"
    assert text_order({"dog": 0, "cat": 1}, 2) == (("cat", 1), ("dog", 0))


def test_other_files_are_counted(tmp_path: Path) -> None:
    grow(tmp_path, "tench/a.png")
    (tmp_path / "tench" / "b.HEIF?").write_bytes(b"")
    (line,) = labelled_images(tmp_path, BIRDS).notices
    assert line == f"{tmp_path}: 1 other file was not looked at, 1 .heif?"
    said: list[str] = []
    class_folders(tmp_path, said)
    assert said == [line]


@given(
    names=st.lists(st.text("abcdefgh é", min_size=1).filter(str.strip), min_size=1, max_size=8),
    upper=st.booleans(),
    separator=st.sampled_from(["_", "-", " ", ""]),
)
def test_case_and_separators_are_ignored(names: list[str], upper: bool, separator: str) -> None:
    unique = tuple({"".join(name.split()): name for name in names}.values())
    labels = Labels(unique, tuple(f"n{index:08}" for index in range(len(unique))))
    for index, name in enumerate(unique):
        spelled = separator.join((name.upper() if upper else name).split())
        for form in (spelled, labels.ids[index], f"{labels.ids[index]}{separator}{spelled}"):
            assert _classes(Path("set"), [form], labels) == {form: index}


def test_every_photograph_finds_its_class(realdata: Path) -> None:
    folder = realdata / "data" / "imagenet-sample"
    pairs = [line.split(" ", 1) for line in (folder / "classes.txt").read_text().splitlines()]
    labels = Labels(tuple(name for _, name in pairs), tuple(identity for identity, _ in pairs))
    found = labelled_images(folder / "images", labels).pairs
    assert len(found) == 500
    assert all(labels.ids[label] == path.parent.name for path, label in found)
