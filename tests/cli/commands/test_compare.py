"""PyTorch, TFLite and ONNX on the same pictures, each with each."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.export import exporter
from edgewise.export.graph import trace
from edgewise.models.images import sha256_of
from edgewise.models.spec import Preprocess
from edgewise.models.weights import Overrides, load_model
from edgewise.pipeline.compare import _thinned
from edgewise.runtime import machine, open_session
from edgewise.runtime.bundle import Bundle, write_bundle
from edgewise.runtime.judge import evaluation
from edgewise.runtime.judge.evaluation import given
from edgewise.runtime.judge.golden import sample
from edgewise.runtime.judge.stats import agreement, parity
from edgewise.runtime.reference import TorchSession

Run = Callable[..., Any]

_NAMES = ["PyTorch", "tflite fp32", "onnx fp32", "tflite w8a8"]


def onnx_bundle(weights: Path, labels: Path, folder: Path) -> Path:
    """The network of `weights` as a float bundle for ONNX."""
    model = load_model("mobilenetv2", str(weights), Overrides(imgsz=32, resize=40, labels=labels))
    file = exporter("onnx").export(trace(model.network, 32), model.spec, folder / "a.onnx")
    session = open_session(file.path, "onnx")
    golden = sample(model.spec.preprocess, TorchSession(model.network), session)
    return write_bundle(folder / "bundle", file, None, golden, {}).folder


@pytest.fixture(scope="module")
def onnx(weights: Path, labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network of the session's export for another runtime; not to be changed."""
    return onnx_bundle(weights, labels, tmp_path_factory.mktemp("onnx"))


@pytest.fixture
def other(weights: Path, tmp_path: Path) -> Path:
    """Weights that differ: every logit is greater by one."""
    import torch

    state = torch.load(weights, weights_only=True)
    state["classifier.1.bias"] += 1
    torch.save(state, tmp_path / "other.pth")
    return tmp_path / "other.pth"


@pytest.fixture
def moved(onnx: Path, tmp_path: Path) -> Path:
    """That bundle in another place, to be changed."""
    return Path(shutil.copytree(onnx, tmp_path / "moved"))


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the description of a bundle's network."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest["spec"])
    labels = "".join(f"{name}\n" for name in manifest["spec"]["labels"]["names"]).encode()
    (folder / "labels.txt").write_bytes(labels)
    manifest["files"]["labels.txt"]["sha256"] = hashlib.sha256(labels).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_each_with_each_without_labels(edgewise: Run, bundle: Path, onnx: Path, weights: Path) -> None:
    ended = edgewise("compare", bundle, onnx, "--weights", weights, "--json")
    assert ended.notices == []
    found = ended.document
    assert (found["schema"], found["schema_version"]) == ("edgewise.comparison", 1)
    assert [model["name"] for model in found["models"]] == _NAMES
    assert [model["accuracy"] for model in found["models"]] == [None] * 4
    assert found["models"][0]["path"] is None
    assert found["models"][3]["path"] == str(Bundle.open(bundle).model)
    assert (found["notices"], found["isa"]) == ([], machine.isa())
    pairs = {(pair["reference"], pair["candidate"]): pair for pair in found["pairs"]}
    assert len(pairs) == 6
    for names in (("PyTorch", "tflite fp32"), ("PyTorch", "onnx fp32"), ("tflite fp32", "onnx fp32")):
        assert 0 < pairs[names]["max_rel"] < 1e-4
        assert pairs[names]["top1"] == 1
    assert pairs["PyTorch", "tflite w8a8"]["sqnr_db"] < 60 < pairs["PyTorch", "onnx fp32"]["sqnr_db"]


def test_the_figures_are_those_of_the_files(edgewise: Run, bundle: Path, onnx: Path) -> None:
    found = edgewise("compare", bundle, onnx, "--no-torch", "--count", 30, "--json").document
    assert (found["count"], found["pictures"]) == (30, "generated dead leaves")
    opened = Bundle.open(bundle)
    preprocess = opened.spec.preprocess
    pictures = _thinned(evaluation.unlabelled(0), 30)
    batch = preprocess.normalise(np.stack([pictures.read(index, preprocess) for index in range(30)]))
    assert opened.reference is not None
    exact = open_session(opened.reference, "tflite")(batch)
    int8 = open_session(opened.model, "tflite")(batch)
    (pair,) = [pair for pair in found["pairs"] if pair["candidate"] == "tflite w8a8"][:1]
    assert pair["reference"] == "tflite fp32"
    assert pair["max_abs"] == pytest.approx(parity(exact, int8).max_abs)
    assert pair["cosine"] == pytest.approx(agreement(exact, int8).cosine)


def test_labelled_pictures_give_accuracies_and_a_table(
    edgewise: Run, bundle: Path, onnx: Path, labelled: Path, without_torch: dict[str, str]
) -> None:
    ended = edgewise("compare", bundle, onnx, "--data", labelled, **without_torch)
    (notice,) = ended.notices
    assert notice.startswith("The original network is not compared: the weights are from mine.pth; pass that")
    lines = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    assert "against max diff relative agreement SQNR cosine" in lines
    assert lines[-1].endswith(f"on 20 pictures: {labelled.name}")
    assert any(line.startswith("tflite fp32 onnx fp32 ") for line in lines)
    assert any(line.startswith("onnx fp32 tflite w8a8 ") for line in lines)
    for name in _NAMES[1:]:
        assert any(line.startswith(f"{name}: top-1 ") and "% (95 % interval" in line for line in lines)


def test_a_twin_that_two_bundles_carry_counts_once(edgewise: Run, bundle: Path) -> None:
    found = edgewise("compare", bundle, bundle, "--no-torch", "--count", 4, "--json").document
    assert [model["name"] for model in found["models"]] == ["tflite fp32", "tflite w8a8"]
    assert len(found["pairs"]) == 1


def test_other_files_of_the_same_kind_are_told_apart(
    edgewise: Run, onnx: Path, tmp_path: Path, other: Path, labels: Path
) -> None:
    changed = onnx_bundle(other, labels, tmp_path)
    ended = edgewise("compare", onnx, changed, "--count", 4, "--json")
    names = [model["name"] for model in ended.document["models"]]
    assert names == ["onnx fp32", f"onnx fp32 of {changed}"]
    assert ended.document["pairs"][0]["max_abs"] == pytest.approx(1, abs=1e-4)
    assert "made from different weights" in ended.document["notices"][0]


def test_weights_that_are_not_the_bundle_s_are_refused(edgewise: Run, onnx: Path, other: Path) -> None:
    ended = edgewise("compare", onnx, "--weights", other)
    assert (ended.code, ended.stdout) == (2, "")
    digest = sha256_of(other)[:12]
    assert f"other.pth have the sha256 {digest}, but the bundles were made from mine.pth (" in ended.complaint


def test_torch_that_is_insisted_on_and_not_there(
    edgewise: Run, onnx: Path, weights: Path, without_torch: dict[str, str]
) -> None:
    ended = edgewise("compare", onnx, "--torch", "--weights", weights, **without_torch)
    assert (ended.code, ended.stdout) == (6, "")
    assert "Run: pip install 'torch" in ended.complaint


def test_one_model_alone_is_no_comparison(edgewise: Run, onnx: Path) -> None:
    ended = edgewise("compare", onnx, "--no-torch")
    assert (ended.code, ended.stdout) == (2, "")
    assert "only one model, onnx fp32" in ended.complaint


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda spec: spec.update(name="mobilenetv3small"), "architecture"),
        (lambda spec: spec["labels"]["names"].reverse(), "classes"),
        (lambda spec: spec["preprocess"].update(mean=[0.5, 0.5, 0.5]), "preprocessing"),
    ],
)
def test_bundles_of_other_networks_are_refused(
    edgewise: Run, onnx: Path, moved: Path, change: Callable[[dict[str, Any]], None], word: str
) -> None:
    rewrite(moved, change)
    ended = edgewise("compare", onnx, moved)
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.complaint.endswith(f"differ in {word}; pass bundles of one network")


def test_pictures_that_any_bundle_was_calibrated_with_are_refused(
    edgewise: Run, bundle: Path, onnx: Path, pictures: Path, tmp_path: Path
) -> None:
    shutil.copytree(pictures, tmp_path / "data" / "star")
    ended = edgewise("compare", onnx, bundle, "--no-torch", "--data", tmp_path / "data")
    assert (ended.code, ended.stdout) == (2, "")
    assert "are also calibration pictures" in ended.complaint


def test_few_of_many_pictures_are_taken_evenly_with_their_labels_and_files() -> None:
    pixels = np.arange(10, dtype=np.uint8)[:, None, None, None]
    all_of_them = replace(
        given(pixels, "ten"), labels=tuple(range(10)), files=tuple(Path(f"{i}.png") for i in range(10))
    )
    some = _thinned(all_of_them, 4)
    assert some.labels == (0, 2, 5, 7)
    assert [file.stem for file in some.files] == ["0", "2", "5", "7"]
    taken = [int(some.read(index, Preprocess())[0, 0, 0]) for index in range(some.count)]
    assert taken == [0, 2, 5, 7]
    assert _thinned(all_of_them, 10) is all_of_them
    assert _thinned(given(pixels, "ten"), 3).labels is None
