"""Pictures in every form that a program has them in, classified by a bundle."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.classifier import Answer, Classifier, open_bundle

LABELS = ("ant", "bee", "cat", "dog", "elk", "fox")
PICTURE = dead_leaves(48, 3, 0)


@pytest.fixture(scope="module")
def classifier(tiny_bundle: Path) -> Classifier:
    return open_bundle(tiny_bundle)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "leaves.png"
    Image.fromarray(PICTURE).save(path)
    return path


def test_answers_are_classes_with_their_probabilities(classifier: Classifier, file: Path) -> None:
    (answers,) = classifier.predict(file)
    assert len(answers) == 5
    chances = [answer.probability for answer in answers]
    assert chances == sorted(chances, reverse=True)
    assert {answer.label for answer in answers} < set(LABELS)
    assert all(classifier.labels[answer.index] == answer.label for answer in answers)
    (everything,) = classifier.predict(file, top=100)
    assert sum(answer.probability for answer in everything) == pytest.approx(1)
    best = int(classifier.logits(file).argmax())
    assert answers[0] == Answer(best, LABELS[best], chances[0])
    assert answers[0].to_json() == {"class": best, "label": LABELS[best], "probability": chances[0]}


FORMS: dict[str, Any] = {
    "list": [PICTURE],
    "Pillow": Image.fromarray(PICTURE),
    "RGBA": Image.fromarray(PICTURE).convert("RGBA"),
    "array": PICTURE,
    "batch": PICTURE[None],
    "Fortran": PICTURE.copy(order="F"),
    "mixed": (Image.fromarray(PICTURE),),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_in_memory_is_what_it_is_in_a_file(classifier: Classifier, file: Path, form: str) -> None:
    assert classifier.predict(FORMS[form]) == classifier.predict(file)


def test_paths_may_be_text_and_pictures_may_come_one_by_one(classifier: Classifier, file: Path) -> None:
    assert classifier.predict(str(file)) == classifier.predict(iter([file])) == classifier.predict(file)
    with Image.open(file) as opened:
        assert classifier.predict(opened) == classifier.predict(file)


def test_several_pictures_are_answered_in_their_order(classifier: Classifier, file: Path) -> None:
    others = [dead_leaves(60, 3, index) for index in range(1, 4)]
    mixed = classifier.predict([file, *others, Image.fromarray(others[0])])
    assert len(mixed) == 5
    assert mixed[0] == classifier.predict(file)[0]
    assert mixed[1] == mixed[4] == classifier.predict(others[0])[0]
    np.testing.assert_array_equal(
        classifier.logits(np.stack(others)), np.concatenate([classifier.logits(one) for one in others])
    )


def test_an_opened_picture_is_turned_as_the_file_is(classifier: Classifier, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(PICTURE[:40]).save(tmp_path / "turned.png", exif=exif)
    found = classifier.logits(tmp_path / "turned.png")
    with Image.open(tmp_path / "turned.png") as opened:
        np.testing.assert_array_equal(classifier.logits(opened), found)
    assert not np.array_equal(classifier.logits(PICTURE[:40]), found)


def test_sixteen_bits_are_eight_in_memory_as_in_a_file(classifier: Classifier, tmp_path: Path) -> None:
    grey = Image.fromarray(PICTURE[..., 0].astype(np.uint16) * 257)
    grey.save(tmp_path / "deep.png")
    np.testing.assert_array_equal(classifier.logits(grey), classifier.logits(tmp_path / "deep.png"))


@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        ([], "there is no picture to classify"),
        (np.zeros((0, 8, 8, 3), np.uint8), "there is no picture to classify"),
        (np.zeros((8, 8, 3), np.float32), r"a picture is float32 \(8, 8, 3\); need uint8 \(H, W, 3\)"),
        (np.zeros((8, 8, 3), np.int64), r"a picture is int64 \(8, 8, 3\)"),
        (np.zeros((3, 8, 8), np.uint8), r"a picture is uint8 \(3, 8, 8\)"),
        (np.zeros((2, 8, 8, 4), np.uint8), r"a picture is uint8 \(8, 8, 4\)"),
        (np.zeros((0, 8, 3), np.uint8), r"a picture is uint8 \(0, 8, 3\)"),
        (None, "a NoneType is not a picture; pass a path, a Pillow image or a uint8 array"),
        (7, "a int is not a picture"),
        (b"\x89PNG", "a bytes is not a picture"),
        ([PICTURE, None], "a NoneType is not a picture"),
        ("nowhere.png", r"nowhere.png: no such file"),
    ],
)
def test_what_is_no_picture_is_a_usage_error(classifier: Classifier, images: Any, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        classifier.predict(images)


def test_what_cannot_be_read_is_an_edgewise_error(classifier: Classifier, file: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "half.png").write_bytes(file.read_bytes()[:400])
    closed = Image.open(file)
    closed.close()
    with Image.open(tmp_path / "half.png") as half:
        for image in (tmp_path / "text.png", tmp_path, Image.new("F", (9, 9)), closed, half):
            with pytest.raises(EdgewiseError, match="cannot be read"):
                classifier.predict(image)


@pytest.mark.parametrize("top", [0, -1])
def test_no_answers_are_a_usage_error(classifier: Classifier, file: Path, top: int) -> None:
    with pytest.raises(UsageError, match=rf"top {top}: must be at least 1"):
        classifier.predict(file, top)


def test_bundles_of_every_target_agree(tiny_bundles: dict[str, Path], file: Path) -> None:
    first, *others = (open_bundle(folder).logits(file) for folder in tiny_bundles.values())
    for other in others:
        np.testing.assert_allclose(other, first, atol=0.2 * np.abs(first).max())


def test_it_says_what_it_is(classifier: Classifier, tiny_bundle: Path) -> None:
    assert repr(classifier) == f"<Classifier tiny: tflite w8a8, 6 classes, {tiny_bundle}>"
    assert repr(classifier.bundle) == f"<Bundle tiny: tflite w8a8, {tiny_bundle}>"


def test_a_bundle_that_is_open_opens(tiny_bundle: Path) -> None:
    assert open_bundle(Bundle.open(tiny_bundle), threads=2).bundle.folder == tiny_bundle


def test_what_is_no_bundle_is_refused(tmp_path: Path, tiny_bundle: Path, file: Path) -> None:
    for place, complaint in ((tmp_path, "contains no manifest.json"), (tmp_path / "no", "no such bundle")):
        with pytest.raises(UsageError, match=complaint):
            open_bundle(place)
    with pytest.raises(UsageError, match="is a file; pass the bundle's folder"):
        open_bundle(file)
    with pytest.raises(UsageError, match="threads 0: must be at least 1"):
        open_bundle(tiny_bundle, threads=0)
