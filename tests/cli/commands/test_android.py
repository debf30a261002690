"""`edgewise android` by the real program: what it writes, shows and refuses."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edgewise.models.synthetic import dead_leaves
from edgewise.runtime import open_session
from edgewise.runtime.bundle import Bundle

Run = Callable[..., Any]


def test_a_bundle_becomes_assets_without_torch(
    edgewise: Run, tiny_bundle: Path, without_torch: dict[str, str], tmp_path: Path
) -> None:
    ended = edgewise("android", tiny_bundle, tmp_path / "assets", **without_torch)
    assert (ended.notices, ended.left) == ([], ())
    folder = tmp_path / "assets" / "edgewise"
    assert Bundle.open(folder).manifest == Bundle.open(tiny_bundle).manifest
    golden, judged, write = ended.stderr.splitlines()
    empty, *rows, place, last = ended.stdout.splitlines()
    assert golden.startswith("✓ [1/2] Run the golden sample")
    assert judged.startswith("✓ [2/2] Judge by 160 pictures")
    assert write.startswith("✓ Write the app's assets")
    assert (empty, place) == ("", f"{folder}/")
    assert last.startswith("next: build and start the app")
    shown = {row[:18].strip(): row[18:].strip() for row in rows}
    files = Bundle.open(folder).manifest["files"]
    assert shown.pop("model") == (
        f"tiny w8a8, {files['tiny-w8a8.tflite']['size_bytes'] / 1e6:.2f} MB; "
        f"its float model, {files['tiny-fp32.tflite']['size_bytes'] / 1e6:.2f} MB"
    )
    assert shown.pop("judged here").startswith("UNPROVEN: top-1 agreement ")
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
    assert document.pop("verification")["verdict"] == "unproven"
    assert document == {
        "schema": "edgewise.android",
        "schema_version": 1,
        "assets": str(folder),
        "build": None,
        "bundle": str(tiny_bundle),
        "files": 8,
        "size_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "manifest": Bundle.open(tiny_bundle).manifest,
    }


def test_the_command_that_builds_the_app_is_shown(edgewise: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    assets = tmp_path / "my app" / "phone" / "src" / "main" / "assets"
    assets.parent.mkdir(parents=True)
    ended = edgewise("android", tiny_bundle, assets, "--build")
    assert ended.code == 0
    assert ended.stdout.splitlines()[-1] == f"gradle -p '{tmp_path}/my app' :phone:installDebug"
    ended = edgewise("android", tiny_bundle, tmp_path / "assets", "--build", "--json")
    assert ended.code == 2
    assert "is not the src/main/assets of a Gradle module" in ended.error["message"]
    assert not (tmp_path / "assets").exists()


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


def recorded(bundle: Path, to: Path, verification: dict[str, Any]) -> Path:
    """A copy whose manifest records another verdict."""
    shutil.copytree(bundle, to)
    manifest = json.loads((to / "manifest.json").read_bytes()) | {"verification": verification}
    (to / "manifest.json").write_text(json.dumps(manifest))
    return to


def test_a_recorded_verdict_is_said_to_be_only_read(edgewise: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = recorded(tiny_bundle, tmp_path / "bundle", {"verdict": "pass", "passed": True})
    ended = edgewise("android", bundle, tmp_path / "assets")
    assert ended.code == 0
    (line,) = [row for row in ended.stdout.splitlines() if row.startswith("only read")]
    assert line.endswith("the manifest's verdict, PASS; --data DIR measures it again")


@pytest.mark.parametrize(
    "verification", [{"verdict": "fail"}, {"verdict": "pass", "passed": False}, {"passed": False}]
)
def test_a_recorded_failure_ships_nothing(
    edgewise: Run, tiny_bundle: Path, tmp_path: Path, verification: dict[str, Any]
) -> None:
    bundle = recorded(tiny_bundle, tmp_path / "bundle", verification)
    ended = edgewise("android", bundle, tmp_path / "assets")
    assert (ended.code, ended.stdout) == (3, "")
    assert "failed its accuracy gate" in ended.complaint
    assert not (tmp_path / "assets").exists()


def test_what_ships_is_judged_whatever_its_manifest_says(
    edgewise: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    """The model loses a class that its float model has, on the pictures of the user."""
    bundle = recorded(tiny_bundle, tmp_path / "bundle", {"verdict": "pass", "passed": True})
    opened = Bundle.open(bundle)
    spec, own = opened.spec, open_session(opened.model, "tflite")
    float_answers = open_session(opened.reference or opened.model, "tflite")
    differing = 0
    for index in range(400):
        picture = dead_leaves(48, 9, index)
        batch = spec.preprocess(Image.fromarray(picture))[None]
        right, wrong = (int(session(batch).argmax()) for session in (float_answers, own))
        if right != wrong:
            folder = tmp_path / "val" / spec.labels.names[right]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(folder / f"{index}.png")
            differing += 1
    assert differing >= 4
    ended = edgewise("android", bundle, tmp_path / "assets", "--data", tmp_path / "val")
    assert (ended.code, ended.stdout) == (3, "")
    assert "accuracy gate fail: top-1 drops by 100.00 points" in ended.complaint
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
