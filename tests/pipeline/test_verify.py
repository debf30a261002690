"""Proving a bundle again, from a program."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import edgewise
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime import open_session
from edgewise.runtime.bundle import Bundle

Documented = Callable[[Any, str], dict[str, Any]]
LABELS = ("ant", "bee", "cat", "dog", "elk", "fox")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures of each class, which are far too few to decide."""
    folder = tmp_path_factory.mktemp("labelled")
    for index in range(12):
        (folder / LABELS[index % 6]).mkdir(exist_ok=True)
        Image.fromarray(dead_leaves(48, 7, index)).save(folder / LABELS[index % 6] / f"{index}.png")
    return folder


def test_a_bundle_is_judged_by_the_float_model_it_carries(
    tiny_bundle: Path, kept: Any, document_of: Documented
) -> None:
    found = edgewise.verify(Bundle.open(tiny_bundle), progress=kept)
    kept.require_numbered()
    assert kept.titles == ["Run the golden sample", "Judge by 160 pictures"]
    assert (found.passed, found.verdict, found.drop) == (True, edgewise.Verdict.UNPROVEN, None)
    assert found.agreement is not None
    assert found.agreement.count == 40
    assert found.golden.max_lsb is not None
    assert found.golden.max_lsb <= 1
    found.require()  # raises nothing
    document = document_of(found, "verification")
    assert (document["bundle"], document["verification"]["verdict"]) == (str(tiny_bundle), "unproven")
    assert repr(found).startswith("<VerifiedBundle tflite w8a8: UNPROVEN, top-1 agreement ")


def test_labels_and_limits_decide_and_nothing_is_raised_unasked(tiny_bundle: Path, labelled: Path) -> None:
    found = edgewise.verify(tiny_bundle, data=labelled, max_drop=0, strict=True)
    assert (found.passed, found.verdict) == (False, edgewise.Verdict.INCONCLUSIVE)
    assert found.drop is not None
    assert found.drop.count == 12
    with pytest.raises(edgewise.AccuracyError, match="accuracy gate inconclusive"):
        found.require()
    assert edgewise.verify(tiny_bundle, data=labelled, max_drop=0).passed


def test_what_is_implausible_is_told_and_changes_nothing(
    tiny_bundle: Path, labelled: Path, kept: Any
) -> None:
    """Random weights know nothing of these classes."""
    found = edgewise.verify(tiny_bundle, data=labelled, max_drop=100, progress=kept)
    assert found.verdict is edgewise.Verdict.PASS
    assert found.verification is not None
    assert found.notices == found.verification.warnings == tuple(kept.notices)
    assert any("of 6 classes, which is no better than guessing (17 %)" in line for line in found.notices)


def test_another_order_of_channels_is_found_where_the_float_model_seems_wrong(
    tiny_bundle: Path, tmp_path: Path, kept: Any
) -> None:
    """Pictures with the answers that the model would give if it were shown blue, green, red."""
    bundle = Bundle.open(tiny_bundle)
    assert bundle.reference is not None
    session, preprocess = open_session(bundle.reference, bundle.target), bundle.spec.preprocess
    for index in range(150):
        picture = dead_leaves(48, 6, index)
        crop = preprocess.crop(Image.fromarray(picture))[None]
        given, reversed_ = (
            int(session(preprocess.normalise(crop[..., ::step].copy())).argmax()) for step in (1, -1)
        )
        if given != reversed_:
            (tmp_path / LABELS[reversed_]).mkdir(exist_ok=True)
            Image.fromarray(picture).save(tmp_path / LABELS[reversed_] / f"{index}.png")
    found = edgewise.verify(tiny_bundle, data=tmp_path, max_drop=100, progress=kept)
    assert kept.titles[-1] == "Try other scales and orders of channels"
    assert found.verification is not None
    line = found.verification.warnings[-1]
    assert line in kept.notices
    assert line.startswith(
        "With channels in the order blue, green, red, the float model has a top-1 of 100.00 %"
    )
    assert "instead of 0.00 %" in line


def test_the_accuracy_itself_is_a_gate(tiny_bundle: Path, labelled: Path) -> None:
    found = edgewise.verify(tiny_bundle, data=labelled, max_drop=100, min_top1=99)
    assert (found.passed, found.verdict) == (False, edgewise.Verdict.FAIL)
    with pytest.raises(edgewise.AccuracyError, match=r"; top-1 is .*, below the required 99 %"):
        found.require()


def test_a_float_bundle_without_labels_has_its_golden_sample_alone(
    tiny_bundle: Path, tmp_path: Path, kept: Any, document_of: Documented
) -> None:
    folder = tmp_path / "float"
    shutil.copytree(tiny_bundle, folder)
    opened = Bundle.open(folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert opened.reference is not None
    # The float model takes the INT8 one's place, with the golden answers of that one's original.
    manifest |= {"precision": "fp32", "model": opened.reference.name, "reference": None, "structure": None}
    golden = folder / "golden"
    (golden / "output.npy").write_bytes((golden / "logits.npy").read_bytes())
    manifest["files"]["golden/output.npy"] = manifest["files"]["golden/logits.npy"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found = edgewise.verify(folder, progress=kept)
    kept.require_numbered()
    assert (found.passed, found.verification) == (True, None)
    assert (found.verdict, found.drop, found.estimate, found.agreement) == (None,) * 4
    with pytest.raises(edgewise.UsageError, match="min_top1 1: an accuracy can only be measured on labelled"):
        edgewise.verify(folder, min_top1=1)
    assert document_of(found, "verification")["verification"] is None
    assert "golden sample alone" in repr(found)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"max_drop": 101}, "max_drop 101: must be between 0 and 100 percentage points"),
        ({"min_agreement": -1}, "min_agreement -1: must be between 0 and 1"),
        ({"min_top1": -1}, "min_top1 -1: must be between 0 and 100 percent"),
        ({"min_top1": 1}, "min_top1 1: an accuracy can only be measured on labelled pictures"),
        ({"threads": 0}, "threads 0: must be at least 1"),
        ({"jobs": 0}, "jobs 0: must be at least 1"),
        ({"data": "nowhere"}, "nowhere"),
    ],
)
def test_options_that_cannot_be(tiny_bundle: Path, options: Any, complaint: str) -> None:
    with pytest.raises(edgewise.UsageError, match=complaint):
        edgewise.verify(tiny_bundle, **options)


def test_what_is_no_bundle(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "text.txt").write_text("no bundle")
    for place, complaint in (
        (tmp_path / "nowhere", "no such bundle"),
        (tmp_path / "text.txt", "is a file"),
        (tmp_path, r"manifest\.json"),
    ):
        with pytest.raises(edgewise.UsageError, match=complaint):
            edgewise.verify(place)
    shutil.copytree(tiny_bundle, tmp_path / "cut")
    with (tmp_path / "cut" / "golden" / "image.png").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(edgewise.EdgewiseError, match=r"golden/image\.png has 100 bytes instead of"):
        edgewise.verify(tmp_path / "cut")


@pytest.mark.parametrize(
    ("device", "complaint"),
    [
        ("local", "models answer here without --device"),
        ("browser:lynx", "unknown; use browser, browser:headless or browser:open"),
        ("raspberrypi", "unknown; use one of local, ssh, adb, browser"),
        ("ssh://", "is not the address of a board; write ssh://pi@raspberrypi"),
    ],
)
def test_what_cannot_answer_elsewhere(tiny_bundle: Path, device: str, complaint: str) -> None:
    with pytest.raises(edgewise.UsageError, match=complaint):
        edgewise.verify(tiny_bundle, device=device)
