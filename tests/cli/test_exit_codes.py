"""Every exit code and every class of error, by the real program."""

import importlib
import json
import pkgutil
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import edgewise as package
from edgewise.models.errors import EdgewiseError
from edgewise.models.images import sha256_of

Run = Callable[..., Any]
Ends = dict[str, tuple[int, str]]  # by the name of the exit code: the code and the complaint


def golden_of_another_model(bundle: Path, to: Path) -> Path:
    """A copy whose expected output is that of other classes."""
    shutil.copytree(bundle, to)
    path = to / "golden" / "output.npy"
    np.save(path, np.roll(np.load(path), 1))
    manifest = json.loads((to / "manifest.json").read_bytes())
    manifest["files"]["golden/output.npy"] = {"sha256": sha256_of(path), "size_bytes": path.stat().st_size}
    (to / "manifest.json").write_text(json.dumps(manifest))
    return to


def raising(folder: Path, module: str, error: str) -> dict[str, str]:
    """Variables with which importing the module raises the error."""
    folder.mkdir()
    (folder / f"{module}.py").write_text(f"raise {error}\n")
    return {"PYTHONPATH": str(folder)}


def labelled_noise(folder: Path) -> Path:
    """Two pictures of noise for each class of the tiny network."""
    random = np.random.default_rng(0)
    for name in ("ant", "bee", "cat", "dog", "elk", "fox"):
        (folder / name).mkdir(parents=True)
        for number in range(2):
            image = Image.fromarray(random.integers(0, 256, (40, 40, 3), np.uint8))
            image.save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def ends(
    edgewise: Run,
    tiny_bundle: Path,
    nets: Path,
    small: tuple[object, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Ends:
    """What ends with each code."""
    folder = tmp_path_factory.mktemp("ends")
    damaged = Path(shutil.copytree(tiny_bundle, folder / "damaged"))
    (damaged / "labels.txt").write_text("cat\n")
    export = "export", f"{nets}:outlier", *small
    picture = tiny_bundle / "golden" / "image.png"
    interrupted = raising(folder / "signal", "rich", "KeyboardInterrupt")
    missing = raising(
        folder / "missing", "ai_edge_litert", "ModuleNotFoundError('no', name='ai_edge_litert')"
    )
    unexpected = raising(folder / "bug", "rich", "RuntimeError('a bug')")
    # Twelve pictures do not show that nothing is lost.
    limits = "--max-drop", 0, "--strict", "--no-latency"
    undecided = "--baseline", tiny_bundle, "--data", labelled_noise(folder / "noise"), *limits
    runs = (
        edgewise("models", "--json"),
        edgewise("verify", damaged, "--json"),
        edgewise("models", "--json", **unexpected),
        edgewise("verify", "nowhere", "--json"),
        edgewise("verify", tiny_bundle, "--strict", "--json"),
        edgewise("verify", golden_of_another_model(tiny_bundle, folder / "other"), "--json"),
        edgewise(*export, "--max-latency", 1e-6, "--json", "--out", folder / "slow"),
        edgewise("predict", tiny_bundle, picture, "--json", **missing),
        edgewise(*export, "--int8", "--json", "--out", folder / "mixed"),
        edgewise("gate", tiny_bundle, *undecided, "--json"),
        edgewise("models", "--json", **interrupted),
    )
    found = {}
    for ended in runs:
        told = json.loads(ended.stdout).get("error") or {"exit_code": 0, "exit_name": "success"}
        assert ended.code == told["exit_code"], ended.stderr
        assert "Traceback" not in ended.stderr
        found[told["exit_name"]] = ended.code, ended.stderr.rstrip().rpartition("\n")[2]
    return found


@pytest.mark.slow
def test_every_exit_code_is_reached_and_has_one_line(ends: Ends) -> None:
    assert {name: code for name, (code, _) in ends.items()} == {
        "success": 0,
        "error": 1,
        "unexpected_error": 1,
        "usage": 2,
        "accuracy_gate": 3,
        "parity_gate": 4,
        "latency_gate": 5,
        "missing_dependency": 6,
        "other_precision": 7,
        "regression": 8,
        "interrupted": 128 + signal.SIGINT,
    }
    for name, (code, complaint) in ends.items():
        assert code == 0 or complaint.startswith("edgewise: "), name


@pytest.mark.slow
def test_there_is_no_error_with_another_code(ends: Ends) -> None:
    for module in pkgutil.walk_packages(package.__path__, "edgewise."):
        if module.name.split(".")[1] in {"cli", "models", "export", "quantize", "runtime", "pipeline"}:
            importlib.import_module(module.name)
    kinds = [EdgewiseError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    own = [kind for kind in kinds if kind.__module__.startswith("edgewise.")]
    assert {(kind.exit_name, kind.exit_code) for kind in own} <= {
        (name, code) for name, (code, _) in ends.items()
    }
    assert len(own) >= 9
