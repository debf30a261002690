"""What the doctor finds where everything, little, or something broken is installed."""

import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from edgewise.export import targets
from edgewise.models.zoo import architectures
from edgewise.pipeline.libraries import NETWORK, distribution
from edgewise.runtime import machine

Run = Callable[..., Any]
Stubs = Callable[..., dict[str, str]]

_ENGINES = ("ai_edge_litert", "onnxruntime", "openvino")
_CONVERTERS = (
    "ai_edge_quantizer",
    "flatbuffers",
    "litert_torch",
    "nncf",
    "onnx",
    "onnxscript",
    "safetensors",
    "torch",
    "torchvision",
)


@pytest.fixture
def stubs(tmp_path: Path) -> Stubs:
    """Variables with which libraries are absent, or do what their stub says."""

    def stubs(*absent: str, **broken: str) -> dict[str, str]:
        gone = {name: f"raise ModuleNotFoundError('no {name} here', name={name!r})" for name in absent}
        for name, code in (gone | broken).items():
            (tmp_path / f"{name}.py").write_text(f"{code}\n")
        return {"PYTHONPATH": str(tmp_path)}

    return stubs


@pytest.mark.slow
def test_where_everything_is_installed(edgewise: Run, tmp_path: Path) -> None:
    cached = tmp_path / "hub" / "checkpoints" / "timm-mobilenetv1_100.ra4_e3600_r224_in1k.safetensors"
    cached.parent.mkdir(parents=True)
    cached.touch()
    ended = edgewise("doctor", "--json", TORCH_HOME=str(tmp_path))
    assert (ended.code, ended.stderr, ended.left) == (0, "", ())
    found = ended.document
    assert found["machine"] == machine.describe()
    assert found["python"] == platform.python_version()
    assert found["edgewise"] == version("edgewise")
    assert set(NETWORK) < set(found["libraries"])
    for name, library in found["libraries"].items():
        assert library == {"version": version(distribution(name)), "error": None}
    assert set(found["extras"]) == {"lightning", "tensorflow", "timm"}
    assert found["extras"]["timm"] == version("timm")
    assert set(found["targets"]) == set(targets())
    for target in found["targets"].values():
        assert (target["export"], target["quantize"], target["run"]) == (True, True, True)
        assert target["install"] is None
    assert set(found["weights"]) == {row.name for row in architectures()}
    assert found["weights"]["mobilenetv2"] == {"imagenet": False, "bundled": True}
    assert found["weights"]["mobilenetv1"] == {"imagenet": True, "bundled": False}


def test_where_only_engines_are_installed(edgewise: Run, stubs: Stubs) -> None:
    ended = edgewise("doctor", **stubs(*_CONVERTERS))
    assert (ended.code, ended.stdout, ended.left) == (0, "", ())
    rows = {tuple(line.split()) for line in ended.stderr.splitlines()}
    assert {(name, "no", "no", "yes") for name in targets()} < rows
    assert {(distribution(name), "not", "installed") for name in _CONVERTERS} < rows
    assert ("mobilenetv2", "no", "yes") in rows  # of the networks, those with weights here
    assert f"{len(architectures()) - 1} more networks have neither yet" in ended.stderr
    assert "! run: pip install 'edgewise[export]'" in ended.stderr.splitlines()
    assert f"{platform.machine()}, " in ended.stderr


def test_where_nothing_can_run(edgewise: Run, stubs: Stubs) -> None:
    ended = edgewise("doctor", "--json", **stubs(*_CONVERTERS, *_ENGINES))
    assert ended.code == 6
    assert ended.complaint.endswith("Run: pip install 'edgewise[tflite]'")
    targets = ended.document["targets"].values()
    assert [(target["run"], target["caveat"]) for target in targets] == [(False, None)] * len(targets)
    assert {library["error"] for library in ended.document["libraries"].values()} == {"not installed"}


def test_an_import_that_crashes_or_fails_is_told(edgewise: Run, stubs: Stubs) -> None:
    absent = {*_CONVERTERS, *_ENGINES} - {"torch", "safetensors", "flatbuffers", "ai_edge_litert"}
    crash = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
    broken = {"torch": crash, "safetensors": "import nosuch", "flatbuffers": "raise OSError('no\\x1bGLIBC')"}
    ended = edgewise("doctor", "--json", **stubs(*absent, **broken))
    assert (ended.code, ended.stderr) == (0, "")
    found = {name: library["error"] for name, library in ended.document["libraries"].items()}
    assert found["torch"] == "its import ends in SIGILL"
    assert found["safetensors"] == "ModuleNotFoundError: No module named 'nosuch'"
    assert found["flatbuffers"] == "OSError: no�GLIBC"
    assert found["ai_edge_litert.interpreter"] is None
    assert ended.document["targets"]["tflite"]["install"] == "pip install 'edgewise[export]'"
