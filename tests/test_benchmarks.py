"""The committed benchmark of the zoo, on networks small enough for every run of the tests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SMALL = ("mobilenetv1_025", "mobilenetv4small", "shufflenetv2_050", "squeezenet1_1")
TARGETS = ["onnx", "openvino", "tflite"]


def test_small_networks_go_the_whole_way(tmp_path: Path) -> None:
    """Built, exported to every target, compared with PyTorch, quantized, read back and timed."""
    command = ("benchmarks/zoo.py", "--only", ",".join(SMALL), "--imgsz", "64")
    places = ("--results", str(tmp_path / "results"), "--table", str(tmp_path / "table.md"))
    done = subprocess.run(
        [sys.executable, *command, *places], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in SMALL:
        bundles = json.loads((tmp_path / "results" / f"{name}.json").read_text())["bundles"]
        integer = [bundle["manifest"] for bundle in bundles if bundle["manifest"]["precision"] != "fp32"]
        assert [manifest["target"] for manifest in integer] == TARGETS
        assert all(manifest["parity"]["max_rel"] < 1e-3 for manifest in integer)
        assert all(manifest["verification"]["agreement"]["sqnr_db"] > 3 for manifest in integer), name
    about, table = (tmp_path / "table.md").read_text().split("\n\n| network")
    assert "torch 2." in about
    assert "{" not in about
    heading, _, *rows = table.splitlines()
    assert len(rows) == len(SMALL) * len(TARGETS)
    assert all(row.count("|") == heading.count("|") + 1 for row in rows)
