"""What a shell completes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgewise.models.zoo import architectures

Complete = Callable[..., list[tuple[str, str]]]


@pytest.fixture(scope="module")
def complete(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Complete:
    """Ask the installed program, as bash does, what the last of some words may become: kinds and values."""
    script = Path(sys.executable).with_name("edgewise")
    folder = tmp_path_factory.mktemp("shell")

    def complete(*words: str) -> list[tuple[str, str]]:
        asked = {
            "_EDGEWISE_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(("edgewise", *words)),
            "COMP_CWORD": str(len(words)),
        }
        done = subprocess.run(
            [script], env=environment | asked, cwd=folder, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return [(line.partition(",")[0], line.partition(",")[2]) for line in done.stdout.splitlines()]

    return complete


def values(found: list[tuple[str, str]]) -> list[str]:
    return [value for kind, value in found if kind == "plain"]


def test_commands(complete: Complete) -> None:
    assert values(complete("ex")) == ["export"]
    assert {"bench", "export", "train", "verify"} < set(values(complete("")))
    assert values(complete("device", "")) == ["check", "setup"]


def test_options(complete: Complete) -> None:
    assert values(complete("export", "mobilenetv2", "--pre")) == ["--precision"]


def test_choices(complete: Complete) -> None:
    assert values(complete("export", "mobilenetv2", "--io", "")) == ["float32", "int8", "uint8"]
    assert values(complete("train", "mobilenetv2", "--tune", "g")) == ["gradual"]


def test_lists_are_completed_name_by_name(complete: Complete) -> None:
    assert values(complete("export", "mobilenetv2", "--to", "")) == ["onnx", "openvino", "tflite", "all"]
    assert values(complete("export", "mobilenetv2", "--to", "onnx,o")) == ["onnx,openvino"]
    assert values(complete("export", "mobilenetv2", "--precision", "w8a8,fp")) == ["w8a8,fp32", "w8a8,fp16"]


def test_networks_and_weights_beside_files(complete: Complete) -> None:
    found = complete("export", "mobilenetv2")
    assert found[0] == ("file", "mobilenetv2")
    assert values(found) == [row.name for row in architectures() if row.name.startswith("mobilenetv2")]
    assert values(complete("export", "mobilenetv2", "--weights", "b")) == ["bundled"]
    assert values(complete("train", "mobilenetv2", "--data", "s")) == ["shapes"]


def test_a_typo_before_is_no_error(complete: Complete) -> None:
    assert values(complete("expot", "--")) == ["--version", "--help"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_names_the_program(environment: dict[str, str], shell: str) -> None:
    script = Path(sys.executable).with_name("edgewise")
    asked = environment | {"_EDGEWISE_COMPLETE": f"{shell}_source"}
    done = subprocess.run([script], env=asked, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_EDGEWISE_COMPLETE={shell}_complete" in done.stdout
