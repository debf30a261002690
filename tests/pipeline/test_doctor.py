"""The diagnosis as a result: what is read from metadata, and what it says to install."""

import importlib.util
import json
from importlib.machinery import ModuleSpec

import pytest

from edgewise.models.errors import MissingDependencyError
from edgewise.models.requirements import package, requirements
from edgewise.pipeline import libraries
from edgewise.pipeline.doctor import diagnose, install_of
from edgewise.pipeline.libraries import EXTRAS


def hide(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let no module of these names be found."""

    def find_spec(name: str) -> ModuleSpec | None:
        return None if name in names else importlib.util.find_spec(name)

    monkeypatch.setattr(libraries, "find_spec", find_spec)


def test_a_target_lacks_only_what_its_own_tasks_need(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "nncf", "ai_edge_quantizer")
    found = diagnose()
    able = {name: (status.export, status.quantize, status.run) for name, status in found.targets.items()}
    assert able == {
        "onnx": (True, True, True),
        "openvino": (True, False, True),
        "tflite": (True, False, True),
    }
    lacking = {name: [*map(package, status.install)] for name, status in found.targets.items()}
    assert lacking == {"onnx": [], "openvino": ["nncf"], "tflite": ["ai-edge-quantizer"]}
    assert found.install is not None
    assert found.install.startswith("pip install ")
    assert all(line in found.install for status in found.targets.values() for line in status.install)
    found.require()


def test_without_an_engine_the_diagnosis_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "ai_edge_litert", "onnxruntime", "openvino")
    with pytest.raises(MissingDependencyError, match="Running a model needs ai-edge-litert"):
        diagnose().require()


def test_a_package_of_another_name_counts_as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "installed", lambda name: None if name == "onnxruntime" else "1.0")
    found = diagnose()
    assert found.libraries["onnxruntime"].version == "of unknown version"
    assert found.targets["onnx"].run


def test_the_document_is_plain_json() -> None:
    found = diagnose()
    document = json.loads(json.dumps(found.to_json()))
    assert document["schema"] == "edgewise.doctor"
    assert document["weights"]["mobilenetv2"] == {"imagenet": None, "bundled": True}
    assert not document["deep"]


def test_each_optional_library_is_in_its_extra() -> None:
    for library, extra in EXTRAS.items():
        (line,) = (line for line in requirements(extra) if package(line) == library)
        assert line in install_of(library)
