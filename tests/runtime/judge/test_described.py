"""Manifests whose digests are right and that say something else than their model file."""

import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import edgewise
from edgewise.export.precision import Precision
from edgewise.models.errors import EdgewiseError
from edgewise.models.images import sha256_of
from edgewise.runtime import runtime
from edgewise.runtime.android import check as check_for_app
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.judge.described import require_described
from edgewise.runtime.judge.golden import check

TARGETS = ("tflite", "onnx", "openvino")
Change = Callable[[dict[str, Any]], object]


def changed(folder: Path, to: Path, change: Change) -> Bundle:
    """A copy with another manifest, whose labels.txt goes with it."""
    shutil.copytree(folder, to)
    manifest = json.loads((to / "manifest.json").read_bytes())
    change(manifest)
    names = manifest["spec"]["labels"]["names"]
    (to / "labels.txt").write_text("".join(f"{name}\n" for name in names), "utf-8", newline="\n")
    manifest["files"]["labels.txt"] = {
        "sha256": sha256_of(to / "labels.txt"),
        "size_bytes": (to / "labels.txt").stat().st_size,
    }
    (to / "manifest.json").write_text(json.dumps(manifest))
    return Bundle.open(to)


@pytest.mark.parametrize("target", TARGETS)
def test_our_bundles_are_described(tiny_bundles: dict[str, Path], target: str) -> None:
    bundle = Bundle.open(tiny_bundles[target])
    for file in (bundle.model, bundle.reference):
        assert file is not None
        require_described(bundle, file, runtime(target).read_structure(file))


def lowered(spec: dict[str, Any]) -> None:
    spec["preprocess"]["mean"] = [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda manifest: manifest["spec"]["labels"]["names"].reverse(), "has other labels"),
        (lambda manifest: lowered(manifest["spec"]), r"has other (normalisation|preprocess) \("),
        (
            lambda manifest: manifest.update(precision="fp32"),
            r"calls it fp32, but .* is w8a8 \(0 layers in float",
        ),
        (
            lambda manifest: manifest.update(io="uint8"),
            r"has uint8 inputs and outputs, but .* of type float32",
        ),
        (
            lambda manifest: manifest["spec"]["preprocess"].update(size=16),
            "has pictures of 16 x 16 x 3, but ",
        ),
        (lambda manifest: manifest["spec"]["labels"]["names"].pop(), r"names 5 classes, but .* for \[6\]"),
        (
            lambda manifest: manifest["structure"].update(output_step=1e30),
            r"has an output step of 1e\+30, but ",
        ),
    ],
)
@pytest.mark.parametrize("target", TARGETS)
def test_a_manifest_that_says_otherwise_is_refused(
    tiny_bundles: dict[str, Path], tmp_path: Path, target: str, change: Change, complaint: str
) -> None:
    bundle = changed(tiny_bundles[target], tmp_path / "bundle", change)
    with pytest.raises(EdgewiseError, match=f"its manifest {complaint}.*; do not trust the bundle"):
        require_described(bundle, bundle.model, runtime(target).read_structure(bundle.model))


WAYS: dict[str, Callable[[Bundle], object]] = {
    "open_bundle": edgewise.open_bundle,
    "verify": edgewise.verify,
    "compare": lambda bundle: edgewise.compare(bundle, torch=False),
    "bench": lambda bundle: edgewise.bench(bundle, save=False),
    "inspect": lambda bundle: edgewise.inspect(bundle).require(),
    "android": check_for_app,
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_opens_a_bundle_finds_it(tiny_bundle: Path, tmp_path: Path, way: str) -> None:
    bundle = changed(
        tiny_bundle, tmp_path / "bundle", lambda manifest: manifest["spec"]["labels"]["names"].reverse()
    )
    with pytest.raises(EdgewiseError, match="has other labels"):
        WAYS[way](bundle)


@pytest.mark.parametrize("target", TARGETS)
def test_a_float_model_that_is_something_else_is_refused(tiny_bundles: dict[str, Path], target: str) -> None:
    bundle = Bundle.open(tiny_bundles[target])
    assert bundle.reference is not None
    with pytest.raises(EdgewiseError, match=r"calls it fp32, but .* is w8a8"):
        require_described(bundle, bundle.reference, runtime(target).read_structure(bundle.model))


@pytest.mark.parametrize(("told", "refused"), [("w8a8", False), ("w8a32", False), ("fp32", True)])
def test_on_arm_openvino_may_compute_otherwise_than_it_stores(
    tiny_bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch, told: str, refused: bool
) -> None:
    bundle = replace(Bundle.open(tiny_bundles["openvino"]), precision=Precision(told))
    found = runtime("openvino").read_structure(bundle.model)
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(EdgewiseError, match="calls it fp32") if refused else nullcontext():
        require_described(bundle, bundle.model, found)


@pytest.mark.parametrize("factor", [1e30, 2.0, 1e-6])
def test_a_step_that_the_golden_output_does_not_have_is_refused_where_the_file_is_not_read(
    tiny_bundle: Path, tmp_path: Path, factor: float
) -> None:
    def scale(manifest: dict[str, Any]) -> None:
        manifest["structure"]["output_step"] *= factor

    bundle = changed(tiny_bundle, tmp_path / "bundle", scale)
    with pytest.raises(EdgewiseError, match="golden output does not have the manifest's step"):
        check(bundle, runtime("tflite").open_session(bundle.model, 1))
