"""`edgewise android` by the real program: what it writes, shows and refuses."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgewise.runtime.bundle import Bundle

Run = Callable[..., Any]


def test_a_bundle_becomes_assets_without_torch(
    edgewise: Run, tiny_bundle: Path, without_torch: dict[str, str], tmp_path: Path
) -> None:
    ended = edgewise("android", tiny_bundle, tmp_path / "assets", **without_torch)
    assert (ended.notices, ended.left) == ([], ())
    folder = tmp_path / "assets" / "edgewise"
    assert Bundle.open(folder).manifest == Bundle.open(tiny_bundle).manifest
    golden, write = ended.stderr.splitlines()
    empty, *rows, place, last = ended.stdout.splitlines()
    assert golden.startswith("✓ Run the golden sample")
    assert write.startswith("✓ Write the app's assets")
    assert (empty, place) == ("", f"{folder}/")
    assert last.startswith("next: build and start the app")
    shown = {row[:18].strip(): row[18:].strip() for row in rows}
    files = Bundle.open(folder).manifest["files"]
    assert shown.pop("model") == (
        f"tiny w8a8, {files['tiny-w8a8.tflite']['size_bytes'] / 1e6:.2f} MB; "
        f"its float model, {files['tiny-fp32.tflite']['size_bytes'] / 1e6:.2f} MB"
    )
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert shown == {
        "classes": "6: ant, bee, cat, dog, elk, fox",
        "pictures": "resize 40 (bilinear), crop 32, mean 0.485/0.456/0.406, std 0.229/0.224/0.225",
        "inputs and outputs": "float32",
        "golden sample": "exact",
        "assets": f"8 files, {size / 1e6:.2f} MB",
    }


def test_json_is_one_document(edgewise: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    ended = edgewise("android", tiny_bundle, tmp_path / "assets", "--json")
    assert ended.notices == []
    folder = tmp_path / "assets" / "edgewise"
    document = ended.document
    assert document.pop("golden")["max_lsb"] == 0
    assert document == {
        "schema": "edgewise.android",
        "schema_version": 1,
        "assets": str(folder),
        "bundle": str(tiny_bundle),
        "files": 8,
        "size_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "manifest": Bundle.open(tiny_bundle).manifest,
    }


def test_without_a_checkout_the_folder_must_be_named(edgewise: Run, tiny_bundle: Path) -> None:
    ended = edgewise("android", tiny_bundle)
    assert (ended.code, ended.stdout) == (2, "")
    assert "or pass your app's folder: edgewise android BUNDLE app/src/main/assets" in ended.complaint


def test_a_damaged_bundle_writes_nothing(edgewise: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny_bundle, damaged)
    (damaged / "labels.txt").write_text("cat\nbee\nant\ndog\nelk\nfox\n")
    ended = edgewise("android", damaged, tmp_path / "assets", "--json")
    assert ended.code == 1
    assert "labels.txt is damaged" in ended.error["message"]
    assert not (tmp_path / "assets").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--to", "onnx"], "--android needs tflite, which the app runs; add it to --to"),
        (["--precision", "fp32,w8a8"], "--android takes one model; pass one --precision"),
        (["--force"], "--force may write a model that fails its gate, which --android does not take"),
        (["--android", "nowhere/assets"], "nowhere/assets: is not a folder of an app"),
    ],
)
def test_an_export_that_could_fill_no_app_is_refused_at_once(
    edgewise: Run, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    ended = edgewise("export", "mobilenetv2", "--android", tmp_path / "assets", *arguments)
    assert (ended.code, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1
    assert complaint in ended.complaint
    assert list(tmp_path.iterdir()) == []
