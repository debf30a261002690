"""The parity matrix, from a program."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edgewise
from edgewise.runtime.bundle import Bundle

Documented = Callable[[Any, str], dict[str, Any]]


def test_every_model_is_compared_with_every_other(
    tiny_bundles: dict[str, Path], kept: Any, document_of: Documented
) -> None:
    bundles: list[Any] = [Bundle.open(tiny_bundles["tflite"]), tiny_bundles["onnx"]]
    found = edgewise.compare(bundles, torch=False, count=16, progress=kept)
    assert kept.titles == ["Compare on 16 pictures"]
    names = ["tflite fp32", "onnx fp32", "tflite w8a8", "onnx w8a8"]
    assert sorted(file.name for file in found.files) == sorted(names)
    assert [*found.accuracies.values()] == [None] * 4  # without labels
    assert len(found.pairs) == 6
    pairs = {frozenset((pair.reference, pair.candidate)): pair for pair in found.pairs}
    assert pairs[frozenset(names[:2])].max_rel < 1e-4
    assert pairs[frozenset(names[:2])].top1 == 1
    assert pairs[frozenset(names[2:])].max_rel > 1e-3
    document = document_of(found, "comparison")
    assert len(document["pairs"]) == 6
    assert {model["path"] for model in document["models"]} == {str(file.path) for file in found.files}
    assert "onnx w8a8" in repr(found)
    assert "top-1 agreement on 16 pictures (generated dead leaves)" in repr(found)


def test_one_bundle_may_be_named_alone(tiny_bundle: Path) -> None:
    found = edgewise.compare(tiny_bundle, torch=False, count=8)
    assert [file.name for file in found.files] == ["tflite fp32", "tflite w8a8"]


def test_a_network_that_cannot_be_loaded_is_left_out_or_asked_for(tiny_bundle: Path) -> None:
    found = edgewise.compare(tiny_bundle, count=8)
    assert any("the weights are from random weights" in line for line in found.notices)
    with pytest.raises(edgewise.UsageError, match="the weights are from random weights"):
        edgewise.compare(tiny_bundle, torch=True)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"count": 0}, "count 0: must be at least 1"),
        ({"threads": 0}, "threads 0: must be at least 1"),
        ({"data": "nowhere"}, "nowhere"),
        ({"weights": "nowhere.pth"}, "nowhere.pth"),
    ],
)
def test_options_that_cannot_be(tiny_bundle: Path, options: Any, complaint: str) -> None:
    with pytest.raises(edgewise.UsageError, match=complaint):
        edgewise.compare(tiny_bundle, **options)


def test_no_bundles_and_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(edgewise.UsageError, match="no bundle was given; pass at least one"):
        edgewise.compare([])
    with pytest.raises(edgewise.UsageError, match="no such bundle"):
        edgewise.compare([tmp_path / "nowhere"])
