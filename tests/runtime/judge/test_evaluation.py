"""Evaluation pictures: read, labelled, skipped and chosen."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgewise.export.artifact import Artifact
from edgewise.models.data.copies import Seen
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.images import sha256_of
from edgewise.models.shapes import EVALUATION_CLUTTER, EVALUATION_SEED, SHAPES, shape_picture
from edgewise.models.sizes import both
from edgewise.models.spec import Labels, ModelSpec, Origin, Tensor32
from edgewise.models.synthetic import dead_leaves
from edgewise.quantize.calibration import generated
from edgewise.runtime.judge import evaluation
from edgewise.runtime.judge.evaluation import (
    answers,
    choose,
    for_verdict,
    from_files,
    from_folder,
    given,
    refuse_overlap,
    shapes,
    split,
    unlabelled,
)
from edgewise.runtime.judge.tally import Tally
from edgewise.runtime.tflite.session import TfliteSession


def silent(done: int, total: int) -> None:
    assert 0 < done <= total


def flat(batch: Tensor32) -> Tensor32:
    """A session whose logits are the first values of the picture."""
    return batch.reshape(len(batch), -1)[:, :6]


@pytest.fixture
def folder(tmp_path: Path, tiny_spec: ModelSpec) -> Path:
    """Three pictures of each class, and one file that is not a picture."""
    for place, name in enumerate(tiny_spec.labels.names):
        (tmp_path / name).mkdir()
        for index in range(3):
            Image.fromarray(dead_leaves(48, place, index)).save(tmp_path / name / f"{index}.png")
    (tmp_path / "cat" / "1.png").write_bytes(b"not a picture")
    return tmp_path


def test_a_folder_gives_pictures_and_labels(folder: Path, tiny_spec: ModelSpec, tiny_float: Artifact) -> None:
    pictures = from_folder(folder, tiny_spec)
    assert (pictures.count, pictures.description) == (18, folder.name)
    done: list[int] = []
    session = TfliteSession(tiny_float.path, 1)
    found = answers([session, session], pictures, tiny_spec.preprocess, lambda now, _: done.append(now))
    assert found.labels is not None
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5]
    assert found.skipped == 1
    assert done == sorted(done)
    assert done[-1] == 18
    assert [pictures.name(index) for index in found.indices[6:9]] == ["cat/0.png", "cat/2.png", "dog/0.png"]
    readable = [file for file in pictures.files if file != folder / "cat" / "1.png"]
    batch = np.stack([tiny_spec.preprocess(Image.open(file)) for file in readable])
    assert np.array_equal(found.logits[0], session(batch))
    assert np.array_equal(found.logits[0], found.logits[1])


def test_only_the_validation_part_of_a_training_set_is_used(folder: Path, tiny_spec: ModelSpec) -> None:
    whole = folder / "set"
    for part in ("train", "val"):
        (whole / part).mkdir(parents=True)
    for name in tiny_spec.labels.names:
        (folder / name).rename(whole / "val" / name)
    (whole / "train" / "ant").mkdir()
    Image.new("RGB", (9, 9)).save(whole / "train" / "ant" / "0.png")
    pictures = from_folder(whole, tiny_spec)
    assert (pictures.count, pictures.description) == (18, "set/val")
    assert pictures.files == from_folder(whole / "val", tiny_spec).files
    named = replace(tiny_spec, labels=Labels(("train", "val")))
    assert from_folder(whole, named).labels == (0, *[1] * 18)


def test_a_folder_without_readable_pictures_is_an_error(folder: Path, tiny_spec: ModelSpec) -> None:
    for file in folder.rglob("*.png"):
        file.write_bytes(b"not a picture")
    with pytest.raises(EdgewiseError, match="none of 18 pictures can be read"):
        answers([flat], from_folder(folder, tiny_spec), tiny_spec.preprocess, silent)


def test_shapes_have_the_labels_that_they_were_drawn_for(tiny_spec: ModelSpec) -> None:
    spec = replace(tiny_spec, labels=Labels(SHAPES))
    pictures = shapes(spec, 14)
    size = max(both(spec.preprocess.resize))
    drawn = [shape_picture(size, EVALUATION_SEED, index, EVALUATION_CLUTTER) for index in range(14)]
    assert pictures.labels == tuple(label for _, label in drawn)
    for index in (0, 13):
        expected = spec.preprocess.crop(Image.fromarray(drawn[index][0]))
        assert np.array_equal(pictures.read(index, spec.preprocess), expected)
    with pytest.raises(UsageError, match="pass --data DIR"):
        shapes(tiny_spec, 12)


def test_unlabelled_pictures_are_never_used_for_calibration(tiny_spec: ModelSpec) -> None:
    pictures, preprocess = unlabelled(0), tiny_spec.preprocess
    calibrated = {picture.tobytes() for picture in generated(preprocess, 64, 0).pixels}
    read = {pictures.read(index, preprocess).tobytes() for index in range(64)}
    assert len(read) == 64
    assert not read & calibrated
    assert read != {unlabelled(1).read(index, preprocess).tobytes() for index in range(64)}


def test_decided_pictures_have_the_widest_margins(
    tiny_float: Artifact, tiny_int8: dict[str, Artifact], tiny_spec: ModelSpec
) -> None:
    sessions = [TfliteSession(file.path, 1) for file in (tiny_float, tiny_int8["int8"])]
    some = replace(unlabelled(0), count=40, decided=10)
    everything = answers(sessions, replace(some, decided=None), tiny_spec.preprocess, silent)
    chosen = answers(sessions, some, tiny_spec.preprocess, silent)
    ordered = np.sort(everything.logits[0], axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    widest = sorted(np.argsort(margin)[-10:].tolist())
    rows = [int(np.where((everything.logits[0] == row).all(1))[0][0]) for row in chosen.logits[0]]
    assert sorted(rows) == widest
    assert chosen.indices.tolist() == rows
    assert np.array_equal(chosen.logits[1], everything.logits[1][rows])  # the same pictures for both


def test_labels_follow_the_decided_pictures(tiny_spec: ModelSpec) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, 32, 32, 3), np.uint8)
    pictures = given(pixels, "noise")
    labels = tuple(int(label) for label in flat(tiny_spec.preprocess.normalise(pixels)).argmax(1))
    found = answers([flat], replace(pictures, labels=labels, decided=7), tiny_spec.preprocess, silent)
    assert found.labels is not None
    assert found.labels.tolist() == found.logits[0].argmax(1).tolist()


def test_given_pictures_are_not_cropped_again(tiny_spec: ModelSpec) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    found = answers([flat], given(pixels, "noise"), tiny_spec.preprocess, silent)
    assert np.array_equal(found.logits[0], flat(tiny_spec.preprocess.normalise(pixels)))
    assert found.labels is None
    assert found.skipped == 0


def test_the_best_available_pictures_are_chosen(folder: Path, tiny_spec: ModelSpec) -> None:
    photos = [Path(f"{index}.png") for index in range(600)]
    bundled = replace(tiny_spec, labels=Labels(SHAPES), origin=Origin("bundled", "", ""))
    assert choose(bundled, None, 24, photos, 0).labels == tuple(range(12)) * 2
    assert choose(tiny_spec, folder, 24, photos, 0).files == from_folder(folder, tiny_spec).files
    assert choose(tiny_spec, None, 24, photos, 0).files == from_files(photos).files
    assert from_files(photos).files == tuple(photos[:500])
    few = choose(tiny_spec, None, 24, photos[: evaluation._DECIDED - 1], 0)
    assert few.description == unlabelled(0).description
    assert few.files == ()


def test_calibration_pictures_are_refused(folder: Path, tiny_spec: ModelSpec) -> None:
    pictures = from_folder(folder, tiny_spec)
    used = Seen.of([pictures.files[4]])
    assert refuse_overlap(pictures, Seen()) is None
    assert refuse_overlap(unlabelled(0), used) is None
    with pytest.raises(UsageError, match=r"1 of 18 evaluation pictures .*the first is 1\.png"):
        refuse_overlap(pictures, used)
    renamed = folder / "fox" / "renamed.png"
    renamed.write_bytes(pictures.files[4].read_bytes())
    pictures.files[4].unlink()
    with pytest.raises(UsageError, match=r"1 of 18 evaluation pictures .*renamed\.png"):
        refuse_overlap(from_folder(folder, tiny_spec), used)


def test_a_calibration_picture_that_was_saved_again_is_refused(folder: Path, tiny_spec: ModelSpec) -> None:
    pictures = from_folder(folder, tiny_spec)
    used = Seen.of(pictures.files)
    for file in pictures.files:
        if file.parent.name == "ant":
            with Image.open(file) as picture:
                picture.convert("RGB").save(file.with_suffix(".jpg"), quality=95)
        file.unlink()
    (folder / "ant" / "other.png").write_bytes((folder / "ant" / "0.jpg").read_bytes() + b"\0")
    with pytest.raises(UsageError, match=r"4 of 4 evaluation pictures .* 4 by their looks, saved again or"):
        refuse_overlap(from_folder(folder, tiny_spec), used)


def test_pictures_that_all_look_alike_are_a_notice(folder: Path, tiny_spec: ModelSpec) -> None:
    scene = dead_leaves(48, 1, 1).copy()
    for file in from_folder(folder, tiny_spec).files:
        scene[0, 0, 0] += 1
        Image.fromarray(scene).save(file)
    pictures = from_folder(folder, tiny_spec)
    used = folder.parent / "used.png"
    scene[0, 0, 0] += 1
    Image.fromarray(scene).save(used)
    notice = refuse_overlap(pictures, Seen.of([used]))
    assert notice is not None
    assert notice.startswith(
        "18 of 18 evaluation pictures look like calibration pictures, and like each other"
    )


def test_files_are_split_without_overlap(folder: Path, tiny_spec: ModelSpec) -> None:
    copied = (folder / "ant" / "0.png").read_bytes()
    (folder / "elk" / "copy.png").write_bytes(copied)  # copies must not be in both parts
    pictures = from_folder(folder, tiny_spec)
    searched, judged = split(pictures)
    assert searched.count + judged.count == pictures.count == 19
    assert searched.count in {4, 5}  # every fifth of 18 different ones, plus possibly a copy
    digests = [{sha256_of(file) for file in part.files} for part in (searched, judged)]
    assert not digests[0] & digests[1]
    for part in (searched, judged):
        assert part.labels is not None
        for index, file in enumerate(part.files):
            assert tiny_spec.labels.names[part.labels[index]] == file.parent.name
    readable = next(index for index in range(judged.count) if judged.files[index].name != "1.png")
    found = answers([flat], judged, tiny_spec.preprocess, silent)
    assert readable in found.indices
    assert split(pictures)[0].files == searched.files  # the same every time


def test_answers_to_a_part_are_those_that_the_part_would_give(folder: Path, tiny_spec: ModelSpec) -> None:
    pictures = from_folder(folder, tiny_spec)
    _, judged = split(pictures)
    whole = answers([flat], pictures, tiny_spec.preprocess, silent)
    part = Tally.of(whole).among(for_verdict(pictures))
    again = Tally.of(answers([flat], judged, tiny_spec.preprocess, silent))
    assert 0 < len(part.indices) < len(whole.indices)
    np.testing.assert_array_equal(part.sides, again.sides)
    np.testing.assert_array_equal(part.indices, again.indices)
    assert part.labels is not None
    assert again.labels is not None
    np.testing.assert_array_equal(part.labels, again.labels)
    assert part.skipped == again.skipped


@pytest.mark.parametrize("labelled", [True, False])
def test_generated_pictures_are_split_by_generating_more(tiny_spec: ModelSpec, labelled: bool) -> None:
    spec = replace(tiny_spec, labels=Labels(SHAPES))
    pictures = shapes(spec, 600) if labelled else unlabelled(seed=0)
    searched, judged = split(pictures)
    assert judged == pictures
    assert searched.count == (240 if labelled else pictures.count)
    assert searched.decided == pictures.decided
    assert not np.array_equal(searched.read(0, spec.preprocess), judged.read(0, spec.preprocess))
    if labelled:
        assert searched.labels == pictures.labels[:240] if pictures.labels else None
        far = 12_000_000
        assert shape_picture(32, EVALUATION_SEED, far + 5, EVALUATION_CLUTTER)[1] == 5
