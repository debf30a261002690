"""The command that makes a bundle again."""

from pathlib import Path

import pytest
from torch import nn

from edgewise.pipeline.report.reproduce import command
from edgewise.pipeline.request import ConvertRequest


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"int8": True}, "--to onnx --int8"),
        ({"int8": True, "to": "all", "out": "elsewhere", "overwrite": True}, "--to onnx --int8"),
        ({"precision": ["w8a8", "fp32"]}, "--to onnx --precision w8a8"),
        ({"int8": True, "processors": ["pi5", "android"]}, "--to onnx --int8 --for pi5,android"),
        (
            {"int8": True, "recover": False, "stability": False},
            "--to onnx --int8 --no-stability --no-recover",
        ),
        ({"int8": True, "stability": True}, "--to onnx --int8 --stability"),
        ({"mean": 0.5, "std": (0.1, 0.2, 0.3)}, "--to onnx --precision w8a8 --mean 0.5 --std 0.1,0.2,0.3"),
        ({"imgsz": (32, 96), "resize": "squash"}, "--to onnx --precision w8a8 --imgsz 32x96 --resize squash"),
        (
            {"weights": Path("my weights.pth"), "ema": True},
            "--to onnx --precision w8a8 --weights 'my weights.pth' --ema",
        ),
        ({"max_drop": 0.5, "min_top1": 70}, "--to onnx --precision w8a8 --max-drop 0.5 --min-top1 70"),
    ],
)
def test_options(options: dict[str, object], words: str) -> None:
    request = ConvertRequest(model="mobilenetv2", **options)  # type: ignore[arg-type]
    assert command(request, "onnx", "w8a8") == f"edgewise export mobilenetv2 {words}"


def test_a_model_in_memory_has_no_command() -> None:
    assert command(ConvertRequest(model=nn.Identity()), "onnx", "fp32") is None
