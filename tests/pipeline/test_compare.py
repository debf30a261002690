"""The parity matrix, from a program."""

import json
import shutil
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


NET = """
from pathlib import Path
from torch import nn

def small():
    Path({mark!r}).touch()
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, {classes}))
"""


def test_a_users_network_is_named_on_the_command_line_and_not_by_a_bundle(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    copy, ran = shutil.copytree(tiny_bundle, tmp_path / "copy"), tmp_path / "ran"
    manifest = json.loads((copy / "manifest.json").read_bytes())
    classes = len(manifest["spec"]["labels"]["names"])
    (tmp_path / "net.py").write_text(NET.format(classes=classes, mark=str(ran)))
    network = f"{tmp_path}/net.py:small"
    for source in ("bundled", "imagenet"):  # which are loaded again without being asked for
        manifest["spec"]["name"], manifest["spec"]["origin"]["source"] = network, source
        (copy / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(edgewise.UsageError, match=r"runs no code that a file names; .* with --network"):
            edgewise.compare(copy, torch=True, count=8)
    assert not ran.exists()
    own = edgewise.load_model(network, imgsz=32)
    manifest["spec"]["origin"] |= {"source": "file", "sha256": own.spec.origin.sha256}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    found = edgewise.compare(copy, network=network, count=8)
    assert next(iter(found.accuracies)) == "PyTorch"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"count": 0}, "count 0: must be at least 1"),
        ({"threads": 0}, "threads 0: must be at least 1"),
        ({"jobs": 0}, "jobs 0: must be at least 1"),
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
