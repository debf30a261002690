"""A bundle beside an older one, both really run."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import edgewise
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime.judge.drop import Verdict

LABELS = ("ant", "bee", "cat", "dog", "elk", "fox")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures of each class."""
    folder = tmp_path_factory.mktemp("labelled")
    for index in range(12):
        (folder / LABELS[index % 6]).mkdir(exist_ok=True)
        Image.fromarray(dead_leaves(48, 5, index)).save(folder / LABELS[index % 6] / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def float_bundle(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network in float alone: larger, and without loss."""
    bundle, folder = edgewise.Bundle.open(tiny_bundle), tmp_path_factory.mktemp("float") / "bundle"
    shutil.copytree(tiny_bundle, folder)
    assert bundle.reference is not None
    manifest = json.loads((folder / "manifest.json").read_bytes())
    shutil.copyfile(folder / "golden/logits.npy", folder / "golden/output.npy")
    for key in ("golden/logits.npy", "golden/output.npy"):
        manifest["files"][key] = manifest["files"]["golden/logits.npy"]
    del manifest["files"][bundle.model.name]
    (folder / bundle.model.name).unlink()
    manifest |= {"precision": "fp32", "model": bundle.reference.name, "reference": None, "structure": None}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_a_bundle_is_as_good_as_itself(
    tiny_bundle: Path, labelled: Path, kept: Any, document_of: Any
) -> None:
    found = edgewise.gate(tiny_bundle, tiny_bundle, data=labelled, latency=False, progress=kept)
    kept.require_numbered()
    assert [check.name for check in found.checks] == ["top-1 accuracy", "SQNR", "size"]
    assert [check.worse for check in found.checks] == [0, 0, 0]
    assert found.passed
    found.require()  # raises nothing
    document = document_of(found, "gate")
    assert (document["count"], document["passed"]) == (12, True)
    assert repr(found).startswith(f"<Gated {tiny_bundle} beside {tiny_bundle}: ")


def test_a_worse_bundle_fails(tiny_bundle: Path, float_bundle: Path) -> None:
    """INT8 beside float: it keeps less of the logits."""
    found = edgewise.gate(tiny_bundle, float_bundle, max_slowdown=1000)
    checks = {check.name: check for check in found.checks}
    assert set(checks) == {"SQNR", "size", "time"}  # generated pictures have no labels
    assert found.count == 160
    assert checks["SQNR"].verdict is Verdict.FAIL
    assert checks["size"].verdict is Verdict.PASS
    assert checks["size"].worse < 0
    assert not found.passed
    with pytest.raises(
        edgewise.RegressionError, match=r"is worse than .*: SQNR was .* worse by .* dB .* 1 allowed$"
    ):
        found.require()


def test_a_larger_bundle_fails(tiny_bundle: Path, float_bundle: Path) -> None:
    found = edgewise.gate(float_bundle, tiny_bundle, latency=False, max_growth=0)
    assert [check.name for check in found.checks if check.verdict is Verdict.FAIL] == ["size"]


def test_strict_needs_a_decision(tiny_bundle: Path, labelled: Path) -> None:
    found = edgewise.gate(tiny_bundle, tiny_bundle, data=labelled, latency=False)
    assert found.verdict is Verdict.INCONCLUSIVE  # twelve pictures show little
    assert not replace(found, strict=True).passed


def test_what_cannot_be_compared(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(edgewise.UsageError, match="max_growth -1: must be at least 0"):
        edgewise.gate(tiny_bundle, tiny_bundle, max_growth=-1)
    other = tmp_path / "other"
    shutil.copytree(tiny_bundle, other)
    manifest = json.loads((other / "manifest.json").read_bytes())
    names = manifest["spec"]["labels"]["names"]
    manifest["spec"]["labels"]["names"] = names[::-1]
    text = "".join(f"{name}\n" for name in names[::-1]).encode()
    (other / "labels.txt").write_bytes(text)
    manifest["files"]["labels.txt"]["sha256"] = hashlib.sha256(text).hexdigest()
    (other / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(edgewise.UsageError, match="have other classes"):
        edgewise.gate(other, tiny_bundle)
