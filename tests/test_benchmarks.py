"""The committed scripts: the zoo on small networks, the gate's faults and table, and the table of imports."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import faults
import fidelity
import fidelity_files
import gate
import gate_files
import numpy as np
import pytest
from PIL import Image

from edgewise.cli.sweep_file import read_networks
from edgewise.export.artifact import Artifact
from edgewise.models.spec import Tensor32
from edgewise.models.synthetic import dead_leaves
from edgewise.models.zoo import architectures
from edgewise.runtime.tflite.session import TfliteSession

ROOT = Path(__file__).parents[1]
SMALL = ("mobilenetv4small", "shufflenetv2_050")
TARGETS = ["onnx", "openvino", "tflite"]


@pytest.mark.slow
def test_small_networks_go_the_whole_way(tmp_path: Path, exact_programs: dict[str, str]) -> None:
    """Built, exported to every target, compared with PyTorch, quantized, read back and timed."""
    record = tmp_path / "record.json"
    command = ("sweep", *SMALL, "--imgsz", "64", "--weights", "random", "--force", "--no-recover")
    places = ("--calib-count", "32", "--cache", str(tmp_path / "cache"), "--scorecard", str(record))
    done = subprocess.run(
        [sys.executable, "-m", "edgewise.cli", *command, *places, "--no-timing"],
        cwd=ROOT,
        env=exact_programs,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(record.read_text())["rows"]
    for name in SMALL:
        files = {
            row["target"]: row["file"] for row in rows if (row["network"], row["requested"]) == (name, "w8a8")
        }
        assert [*files] == TARGETS
        assert all(file["parity"] < 1e-3 for file in files.values())
        assert all(file["sqnr_db"] > 3 for file in files.values()), name
        assert all(file["integer_operators"] > 0 for file in files.values()), name


def test_the_sweep_of_the_zoo_names_every_network() -> None:
    found = read_networks(ROOT / "benchmarks" / "zoo.toml", {})
    assert {network.name for network in found} == {row.name for row in architectures()}
    precisions = {network.name: len(network.pairs) for network in found}
    assert (precisions["vitb16"], precisions["resnet18"]) == (9, 6)
    weights = {network.settings["weights"] for network in found if "lite" in network.name}
    assert weights == {"imagenet", "random"}


def test_every_fault_changes_the_answers_and_nothing_else(
    tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    healthy = tiny_int8["float32"].path
    before = TfliteSession(healthy, 1)(tiny_pictures)
    for number, fault in enumerate(faults.FAULTS):
        path = tmp_path / f"{number}.tflite"
        path.write_bytes(faults.damaged(healthy.read_bytes(), fault))
        after = TfliteSession(path, 1)(tiny_pictures)
        assert after.shape == before.shape
        assert not np.array_equal(after, before), fault.title
    assert len({fault.title for fault in faults.FAULTS}) == len(faults.FAULTS)


def test_the_gate_is_tested_by_its_own_verdicts() -> None:
    """Of three files, one is the float file again, one loses a twentieth of its answers, one nearly all."""
    labels = np.arange(420) % 10
    exact = 8 * np.eye(10, dtype=np.float32)[labels]
    some, most = exact.copy(), np.roll(exact, 1, axis=1)
    some[::20] = most[::20]
    logits = np.stack([exact, exact, some, most])
    found = gate_files.Answered(["float", "same", "some", "most"], logits, labels, logits[:, :40])
    assert [gate.Judged(found).drop(place) for place in range(4)] == pytest.approx([0, 0, 5, 100])
    text = gate.report({("net", "onnx"): found})
    assert "3 INT8 files of\nnet" in text
    assert "420 for net" in text
    assert "1 are healthy" in text
    assert "1 lose up to 10\npoints, and 1 more" in text
    assert "{" not in text
    assert "| labelled, 400 | 0 of 40 | 100.0% | 0.0% | 0 of 20 | 100.0% |" in text
    assert "| unlabelled, 50 | 0 of 40 | 0.0% | 100.0% | 0 of 20 | " in text
    assert "| generated | 0 of 2 | 0.0% | 0.0% | 0 of 1 | 50.0% |" in text
    assert "| net | ONNX | same | 0.00 | 0.00 | 0.0% | 300.0 | PASS | PASS | UNPROVEN |" in text
    assert "| net | ONNX | most | 100.00 | 99." in text
    headings = [line for line in text.splitlines() if line.startswith("|---")]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {row.count("|") for row in rows} == {heading.count("|") for heading in headings}


def test_imports_between_folders_are_counted(tmp_path: Path) -> None:
    tree = {
        "models/spec.py": "import json\nfrom . import errors",
        "models/errors.py": "",
        "models/_decode.py": "",
        "models/data/_rows.py": "",
        "export/artifact.py": "from ..models import errors, spec\ndef f():\n  from ..models._decode import a",
        "cli/main.py": "from edgewise.export.artifact import A\nimport edgewise.models.data._rows, click",
        "models/zoo.py": "from .data import _rows",
    }
    for file, text in tree.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    report = runpy.run_path(str(ROOT / "benchmarks" / "imports.py"))["report"]
    rows = [line.split() for line in report(tmp_path, listed=True).splitlines()]
    assert rows[0] == [
        "imports",
        "from",
        "modules",
        "lines",
        "models",
        "export",
        "cli",
        "together",
        "private",
    ]
    assert rows[2] == ["export", "1", "3", "3", "3", "1"]
    assert rows[3] == ["cli", "1", "2", "1", "1", "2", "1"]
    text = report(tmp_path, listed=True)
    assert "5 imports between folders, 2 of them of private modules" in text
    assert "export/artifact.py:3 imports models._decode" in text
    assert "models/zoo.py:1 imports models.data._rows" in text
    assert "_rows" not in report(tmp_path)


def test_the_table_of_fidelity_holds_what_files_answered(tmp_path: Path) -> None:
    files = fidelity_files.Files("mobilenetv2", (tmp_path, tmp_path, tmp_path), tmp_path, tmp_path)
    labels = np.arange(40) % 10
    exact = 8 * np.eye(10, dtype=np.float32)[labels]
    other = exact.copy()
    other[::4] = np.roll(exact, 1, axis=1)[::4]
    vars(files)["labels"] = labels
    answers = {
        "float": fidelity_files.Answered(exact),
        "photographs-w8a8-edgewise-tflite": fidelity_files.Answered(other, 4_020_000, 12.3),
        "generated-w8a8-library-alone-onnx": fidelity_files.Answered(exact, 3_890_000),
        "activations-photographs-least-error": fidelity_files.Answered(exact),
    }
    for name, answered in answers.items():
        fidelity_files.keep(tmp_path / "mobilenetv2" / f"{name}.npz", answered)
    text = fidelity.report([("mobilenetv2", files)], "ImageNet weights", make=False, grids=3)
    table, bounds = text.split("## What activations alone lose")
    worse, same = (line for line in table.splitlines() if line.startswith("| mobilenetv2"))
    assert worse.startswith("| mobilenetv2 | TFLite | w8a8 | photographs | edgewise | 25.00 (")
    assert worse.endswith("| 0.7500 | 0.7222 | 2.6 | 4.02 | 12 |")
    assert same.startswith("| mobilenetv2 | ONNX | w8a8 | generated | library alone | 0.00 (")
    assert same.endswith("| 1.0000 | 1.0000 | 300.0 | 3.89 | 0 |")
    assert "| mobilenetv2 | photographs | chosen ranges | 0.00 (" in bounds
    assert "{" not in text


@pytest.mark.slow
def test_evaluation_is_measured(tiny_bundle: Path, tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        Image.fromarray(dead_leaves(40, 0, len(name))).save(tmp_path / name / "0.png")
    command = [sys.executable, "benchmarks/evaluation.py", str(tiny_bundle), "--data", str(tmp_path)]
    given = ["--pictures", "70", "--rounds", "1", "--small", "130"]
    done = subprocess.run([*command, *given], cwd=ROOT, capture_output=True, text=True, check=True)
    speeds, memory = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in done.stdout.splitlines()
        if line.startswith(f"| {tiny_bundle.name} |")
    )
    assert speeds[1] == "70"
    assert all(float(cell) > 0 for cell in speeds[2:])
    assert memory[1] == "130"
    assert all(float(cell.split()[0]) > 0 for cell in memory[3:5])
    assert memory[5] == "none" or float(memory[5].split()[0]) > 0  # a child looks at a file once
