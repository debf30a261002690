"""What extras bring, from the metadata of the package that is installed here."""

import shlex
import tomllib
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import pytest

from edgewise.models.requirements import install_command, installed, missing, package, requirements

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]


def packages(lines: list[str]) -> set[str]:
    return {package(line) for line in lines}


def test_an_extra_brings_what_pyproject_says() -> None:
    assert packages(requirements()) == packages(PROJECT["dependencies"])
    extras = PROJECT["optional-dependencies"]
    assert packages(requirements("tflite")) == packages(extras["tflite"]) == {"ai-edge-litert"}


def test_extras_in_an_extra_are_followed() -> None:
    assert {"ai-edge-litert", "onnxruntime", "openvino", "torch", "timm"} < packages(requirements("timm"))
    assert len(requirements("all")) == len(packages(requirements("all")))
    assert not any(line.startswith("edgewise") for line in requirements("all"))


def test_the_command_names_what_is_missing_and_its_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version

    def here(name: str) -> str:
        if name in {"timm", "nncf"}:
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", here)
    assert packages(missing("timm")) == {"timm", "nncf"}
    command = shlex.split(install_command("timm", "timm"))
    assert command[:2] == ["pip", "install"]
    assert [package(line) for line in command[2:]] == ["timm", "nncf"]
    assert command[2].startswith("timm<2,") or command[2].startswith("timm>=")


def test_a_library_that_is_installed_and_broken_is_named_too() -> None:
    assert install_command("onnx", "onnxruntime").startswith("pip install 'onnxruntime")
    assert install_command("onnx", "mystery") == "pip install mystery"


def test_where_edgewise_is_not_installed_the_library_is_named_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> NoReturn:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", nothing)
    assert install_command("tflite", "ai-edge-litert") == "pip install ai-edge-litert"


def test_names_have_one_form() -> None:
    assert package("AI_Edge.Litert[x]>=2 ; python_version > '3'") == "ai-edge-litert"
    assert installed("no-such-package") is None
    assert installed("numpy") == metadata.version("numpy")
