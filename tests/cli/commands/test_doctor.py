"""What the doctor finds where everything, little, or something broken is installed."""

import platform
import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from edgewise.export import targets
from edgewise.models.requirements import package, requirements
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
        start = f"import sys\nsys.modules.update(dict.fromkeys({absent!r}))\n"  # None: cannot be imported
        (tmp_path / "sitecustomize.py").write_text(start)
        for name, code in broken.items():
            (tmp_path / f"{name}.py").write_text(f"{code}\n")
        return {"PYTHONPATH": str(tmp_path)}

    return stubs


def rows(text: str) -> set[tuple[str, ...]]:
    return {tuple(line.split()) for line in text.splitlines()}


def installs(command: str) -> set[str]:
    """The packages that a command installs."""
    words = shlex.split(command)
    assert words[:2] == ["pip", "install"]
    return {package(word) for word in words[2:]}


def check_complete(found: dict[str, Any]) -> None:
    """Everything is installed."""
    assert (found["schema"], found["schema_version"]) == ("edgewise.doctor", 1)
    assert found["machine"] == machine.describe()
    assert found["python"] == platform.python_version()
    assert found["edgewise"] == version("edgewise")
    assert set(NETWORK) < set(found["libraries"])
    for name, library in found["libraries"].items():
        assert library == {"version": version(distribution(name)), "error": None}
    assert set(found["extras"]) == {"lightning", "tensorflow", "timm"}
    assert found["extras"]["timm"] == version("timm")
    assert list(found["targets"]) == list(targets())
    for target in found["targets"].values():
        assert (target["export"], target["quantize"], target["run"]) == (True, True, True)
        assert target["install"] == []
    assert found["install"] is None
    assert set(found["weights"]) == {row.name for row in architectures()}


def test_metadata_answers_where_everything_is_installed(edgewise: Run) -> None:
    ended = edgewise("doctor", "--json")
    assert (ended.code, ended.stderr, ended.left) == (0, "", ())
    check_complete(ended.document)
    assert not ended.document["deep"]
    assert ended.document["weights"]["mobilenetv2"] == {"imagenet": None, "bundled": True}
    assert {target["caveat"] for target in ended.document["targets"].values()} == {None}


def test_metadata_answers_without_importing_a_library() -> None:
    program = dedent("""
        import sys
        from edgewise.cli.main import main

        sys.argv = ["edgewise", "doctor"]
        try:
            main()
        except SystemExit as ended:
            assert not ended.code
        heavy = {name.partition(".")[0] for name in sys.modules} & set(%r)
        assert not heavy, heavy
    """)
    heavy = (*_ENGINES, *_CONVERTERS, "lightning", "tensorflow", "keras", "timm")
    done = subprocess.run(
        [sys.executable, "-c", program % (heavy,)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing is missing" in done.stdout


@pytest.mark.slow
def test_every_library_is_imported_where_everything_is_installed(edgewise: Run, tmp_path: Path) -> None:
    cached = tmp_path / "hub" / "checkpoints" / "timm-mobilenetv1_100.ra4_e3600_r224_in1k.safetensors"
    cached.parent.mkdir(parents=True)
    cached.touch()
    ended = edgewise("doctor", "--deep", "--json", TORCH_HOME=str(tmp_path))
    assert (ended.code, ended.left) == (0, ())
    check_complete(ended.document)
    assert ended.document["deep"]
    assert ended.document["weights"]["mobilenetv2"] == {"imagenet": False, "bundled": True}
    assert ended.document["weights"]["mobilenetv1"] == {"imagenet": True, "bundled": False}


@pytest.mark.parametrize("options", [(), pytest.param(("--deep",), marks=pytest.mark.slow)])
def test_where_only_engines_are_installed(edgewise: Run, stubs: Stubs, options: tuple[str, ...]) -> None:
    ended = edgewise("doctor", *options, **stubs(*_CONVERTERS))
    assert (ended.code, ended.left) == (0, ())
    shown = rows(ended.stdout)
    assert {(name, "no", "no", "yes") for name in targets()} < shown
    assert {(distribution(name), "not", "installed") for name in _CONVERTERS} < shown
    assert (("mobilenetv2", "no", "yes") if options else ("mobilenetv2", "yes")) in shown
    (line,) = (line for line in ended.stdout.splitlines() if line.startswith("! run: "))
    assert installs(line.removeprefix("! run: ")) == {*map(distribution, _CONVERTERS)}
    assert all(word in requirements("export") for word in shlex.split(line)[4:])
    assert f"{platform.machine()}, " in ended.stdout


def test_where_nothing_can_run(edgewise: Run, stubs: Stubs) -> None:
    ended = edgewise("doctor", "--json", **stubs(*_CONVERTERS, *_ENGINES))
    assert ended.code == 6
    assert installs(ended.complaint.partition("Run: ")[2]) == {"ai-edge-litert"}
    found = ended.document
    assert [status["run"] for status in found["targets"].values()] == [False] * len(targets())
    assert {library["error"] for library in found["libraries"].values()} == {"not installed"}
    assert found["error"]["exit_name"] == "missing_dependency"
    assert installs(found["install"]) == {*map(distribution, (*_CONVERTERS, *_ENGINES))}


def test_an_optional_library_that_is_missing_says_how_to_install_it(edgewise: Run, stubs: Stubs) -> None:
    ended = edgewise("doctor", **stubs("timm"))
    (line,) = (line for line in ended.stdout.splitlines() if line.startswith("timm "))
    assert installs(line.partition("optional: ")[2]) == {"timm"}
    assert "nothing is missing" in ended.stdout


def test_an_import_that_crashes_or_fails_is_reported(edgewise: Run, stubs: Stubs) -> None:
    absent = {*_CONVERTERS, *_ENGINES} - {"torch", "safetensors", "flatbuffers", "ai_edge_litert"}
    crash = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
    broken = {"torch": crash, "safetensors": "import nosuch", "flatbuffers": "raise OSError('no\\x1bGLIBC')"}
    ended = edgewise("doctor", "--deep", "--json", **stubs(*absent, **broken))
    assert ended.code == 0
    found = {name: library["error"] for name, library in ended.document["libraries"].items()}
    assert found["torch"] == "its import ends in SIGILL"
    assert found["safetensors"] == "ModuleNotFoundError: No module named 'nosuch'"
    assert found["flatbuffers"] == "OSError: no�GLIBC"
    assert found["ai_edge_litert.interpreter"] is None
    status = ended.document["targets"]["tflite"]
    assert (status["export"], status["quantize"], status["run"]) == (False, False, True)
    assert {package(line) for line in status["install"]} == {
        "ai-edge-quantizer",
        "flatbuffers",
        "litert-torch",
        "safetensors",
        "torch",
        "torchvision",
    }
