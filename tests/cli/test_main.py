"""The door: what it prints, what it refuses, and that it opens at once."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
_PROGRAM = "from edgewise.cli.main import main; main()"

_HEAVY = (
    "torch",
    "torchvision",
    "numpy",
    "PIL",
    "ai_edge_litert",
    "litert_torch",
    "onnx",
    "onnxruntime",
    "openvino",
)
_THEN_LOOK = f"""
import sys
from edgewise.cli.main import main
main()
found = sorted(set({_HEAVY!r}) & set(sys.modules))
assert not found, found
"""


def test_help_names_every_command_and_the_exit_codes(edgewise: Run) -> None:
    ended = edgewise("--help")
    assert (ended.code, ended.stderr) == (0, "")
    for word in ("export", "models", "predict", "verify", "3 accuracy gate", "7 passed its gate in another"):
        assert word in " ".join(ended.stdout.split())
    assert "main " not in ended.stdout


def test_the_version_is_the_package_s(edgewise: Run) -> None:
    assert edgewise("--version").stdout == f"edgewise, version {version('edgewise')}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["models"],
        ["models", "--json"],
        ["export", "--help"],
        ["predict", "--help"],
        ["verify", "--help"],
    ],
    ids=" ".join,
)
def test_what_only_tells_loads_nothing_heavy(environment: dict[str, str], arguments: list[str]) -> None:
    command = [sys.executable, "-c", _THEN_LOOK, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["frobnicate"], "No such command 'frobnicate'; choose from android, bench, "),
        (["expot"], "No such command 'expot'; did you mean 'export'?"),
        (["main"], "No such command 'main'"),
        (["__init__"], "No such command '__init__'"),
        (["export", "mobilenetv2", "--precison", "fp16"], "(Did you mean one of: '--json', '--precision'"),
        (["export"], "Missing argument 'NAME'"),
        (["export", "mobilenetv2", "--mean", "1,2"], "neither one number nor three"),
        (["export", "mobilenetv2", "--max-drop", "101"], "101"),
        (["predict", "somewhere"], "there is nothing to classify; pass pictures, or --camera"),
    ],
)
def test_what_cannot_be_parsed_is_a_usage_error(edgewise: Run, arguments: list[str], word: str) -> None:
    ended = edgewise(*arguments)
    assert (ended.code, ended.stdout) == (2, "")
    assert word in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_the_console_script_is_the_same_program(environment: dict[str, str]) -> None:
    script = Path(sys.executable).with_name("edgewise")
    done = subprocess.run(
        [script, "export", "nosuch"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("edgewise: ")
    assert "nosuch" in done.stderr


# Mistakes that cost nothing to find out.


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what is mistaken for something else."""
    place = tmp_path_factory.mktemp("place")
    for file in ("file", "net.onnx", "net.tflite", "net.xml", "weights.pth", "labels.txt"):
        (place / file).write_text("x\n")
    for folder, file in {
        "flowers": "model.safetensors",
        "begun": "recipe.json",
        "bundle": "manifest.json",
        "foreign/mobilenetv2-tflite-fp32": "mine.txt",
        "folder": "x",
    }.items():
        (place / folder).mkdir(parents=True)
        (place / folder / file).write_text("{}")
    return place


_CONVERTED = "but edgewise converts PyTorch and Keras networks; `edgewise inspect "


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("export mobilenetv2 --out @/file/in/it", "is a file; choose another folder"),
        ("export mobilenetv2 --to all --out @/foreign", "mobilenetv2-tflite-fp32: "),
        ("export mobilenetv2 --labels @/none.txt", "none.txt: No such file or directory"),
        ("export mobilenetv2 --calib @/none", "none: No such file or directory; pass a folder of pictures"),
        ("export mobilenetv2 --calib @/folder", "folder: contains no pictures"),
        ("export mobilenetv2 --data @/file", "file: Not a directory; pass a folder of pictures"),
        ("export mobilenetv2 --weights @/none.pth", "none.pth: no such file; pass a path, or one of auto, "),
        ("export mobilenetv2 --weights @/flowers", "is a folder; pass its checkpoint, "),
        ("export mobilenetv2 --mean 127", "--mean "),
        ("export mobilenetv2 --to tflit", "did you mean tflite?"),
        ("export mobilenetv2 --precision int8", "did you mean w8a8 (or --int8)?"),
        ("export mobilnetv2", "did you mean mobilenetv2"),
        ("export @/flowers", "is the folder of a training run; pass its checkpoint, "),
        ("export @/begun", "is a training run without a checkpoint yet; continue it"),
        ("export @/bundle", "is a bundle, which was converted already; `edgewise verify "),
        ("export @/folder", "is a folder; pass the name of a network"),
        ("export @/net.onnx", f"is a file of ONNX, {_CONVERTED}"),
        ("export @/net.tflite", f"is a file of TFLite, {_CONVERTED}"),
        ("export @/net.xml", f"is a file of OpenVINO, {_CONVERTED}"),
        ("export @/weights.pth", "contains only weights; pass the name of their network"),
        ("export @/none.safetensors", "none.safetensors: no such file; pass the path of a model file"),
        ("export @/none.pt2", "none.pt2: no such file"),
        ("export @/none.keras", "none.keras: no such file"),
        ("export @/none.py:make", "none.py: no such file"),
        ("ensemble mobilenetv2 @/net.onnx", f"is a file of ONNX, {_CONVERTED}"),
        ("ensemble mobilenetv2 resnet18=@/none.pth", "none.pth: no such file"),
        ("ensemble mobilenetv2 resnet18 --weights fit --fit @/none", "none: No such file or directory"),
        ("train mobilenetv2 --data @/folder --epochs 0", "--epochs 0: "),
        ("train mobilenetv2 --data @/none", "none: No such file or directory"),
        ("train mobilenetv2 --data shapes --weights @/none.pth", "none.pth: no such file"),
        ("train mobilenetv2 --data shapes --out @/begun", "is not empty; continue the run with --resume"),
        ("train mobilenetv2 --data shapes --out @/folder --resume", "contains no run to resume"),
        ("train mobilenetv2 --data shapes --out @/file/in/it", "is a file; choose another folder"),
        ("train @/net.onnx --data shapes", f"is a file of ONNX, {_CONVERTED}"),
        ("verify @/none", "no such bundle"),
        ("predict @/none a.png", "no such bundle"),
        ("bench @/none", "no such bundle"),
        ("compare @/none", "no such bundle"),
        ("android @/none @/folder", "no such bundle"),
        ("inspect @/none.onnx", "none.onnx: "),
    ],
)
def test_a_cheap_mistake_is_told_before_anything_heavy_is_imported(
    edgewise: Run, place: Path, without_anything_heavy: dict[str, str], arguments: str, complaint: str
) -> None:
    ended = edgewise(*arguments.replace("@", str(place)).split(), "--json", **without_anything_heavy)
    assert ended.code in {1, 2}
    assert complaint in ended.error["message"]
    assert ended.stderr.splitlines() == [ended.complaint]


@pytest.mark.parametrize(
    ("arguments", "stage"),
    [
        (["export", "mobilenetv2", "--int8"], "[1/11] Load the network"),
        (["ensemble", "mobilenetv2", "mobilenetv3small"], "Load the members"),
        (["train", "mobilenetv2", "--data", "shapes", "--weights", "bundled"], "Load the network"),
    ],
)
def test_the_first_stage_is_shown_before_a_framework_is_imported(
    on_a_terminal: Callable[..., tuple[int, str]],
    without_anything_heavy: dict[str, str],
    tmp_path: Path,
    arguments: list[str],
    stage: str,
) -> None:
    code, seen = on_a_terminal(
        *("-c", _PROGRAM, *arguments, "--out", tmp_path / "out"), **without_anything_heavy
    )
    assert code == 1
    assert "is imported" in seen  # as the framework tells that comes in first
    assert "Starting" in seen.partition("is imported")[0]
    assert stage in seen.partition("is imported")[0]
