"""The main job on real weights and real photographs, against what the bare libraries reach on them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

_CALIBRATED = 100  # the first of 500 photographs, by name; the other 400 judge
_EDGEWISE = (sys.executable, "-c", "from edgewise.cli.main import main; main()")


@pytest.fixture(scope="session")
def photos(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder to calibrate with and a labelled folder to judge by, as links to the photographs."""
    root = tmp_path_factory.mktemp("photos")
    files = sorted((realdata / "data" / "imagenet-sample" / "images").rglob("*.jpg"))
    for index, file in enumerate(files):
        folder = root / ("calib" if index < _CALIBRATED else "val") / file.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).symlink_to(file)
    return root / "calib", root / "val"


@pytest.fixture(scope="session")
def exported(
    realdata: Path, photos: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the main command says of the real MobileNetV2."""
    calib, val = photos
    out = tmp_path_factory.mktemp("real") / "bundle"
    done = _export(realdata, "--calib", str(calib), "--data", str(val), "--out", str(out))
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_int8_follows_float_closer_than_the_bare_libraries(exported: dict[str, Any]) -> None:
    """The bare library calls reach a cosine of 0.982 and an agreement of 0.9625 on the same photographs."""
    verification = exported["manifest"]["verification"]
    assert verification["agreement"]["count"] == 400
    assert verification["agreement"]["cosine"] >= 0.993
    assert verification["agreement"]["top1"] >= 0.97


def test_the_accuracy_is_the_known_one(exported: dict[str, Any]) -> None:
    verification = exported["manifest"]["verification"]
    assert verification["float_accuracy"]["top1"] == pytest.approx(0.85, abs=0.005)
    assert verification["quantized_accuracy"]["top1"] >= 0.83
    low, points, high = (
        verification["drop"]["interval"]["low"],
        verification["drop"]["points"],
        verification["drop"]["interval"]["high"],
    )
    assert low < points < high


def test_float_is_pytorch(exported: dict[str, Any]) -> None:
    assert exported["manifest"]["parity"]["max_rel"] < 1e-4


def test_the_file_is_small_and_integer_throughout(exported: dict[str, Any]) -> None:
    manifest = exported["manifest"]
    assert manifest["files"][manifest["model"]]["size_bytes"] <= 4_200_000
    found = manifest["structure"]
    assert found["float_operators"] == 0
    assert found["partitions"] == 1
    assert found["whole"]
    assert found["operators"]["CONV_2D"] == 35
    assert found["operators"]["DEPTHWISE_CONV_2D"] == 17
    assert "TRANSPOSE" not in found["operators"]


def test_photographs_cannot_both_calibrate_and_judge(realdata: Path, photos: tuple[Path, Path]) -> None:
    _, val = photos
    done = _export(realdata, "--calib", str(val), "--data", str(val))
    assert done.returncode == 2
    assert "also calibration pictures" in done.stderr


def _export(realdata: Path, *options: str) -> subprocess.CompletedProcess[str]:
    weights = realdata / "weights" / "mobilenet_v2-imagenet.pth"
    way = ("--weights", str(weights), "--mean", "0.5", "--std", "0.5", "--imgsz", "224", "--resize", "256")
    command = (*_EDGEWISE, "export", "mobilenetv2", "--to", "tflite", "--int8", "--json", *way, *options)
    return subprocess.run(command, capture_output=True, text=True, check=False)
