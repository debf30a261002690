"""File names of models, for any model name."""

from pathlib import Path

import pytest

from edgewise.export.artifact import bundle_name, file_stem, model_files


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("mobilenetv2", "mobilenetv2"),
        ("timm:vit_tiny.augreg", "timm-vit_tiny.augreg"),
        ("my/net.py:small", "net-small"),
        ("my\\net.py:small", "net-small"),
        ("../escape", "escape"),
        (".hidden", "hidden"),
        ("a b", "a-b"),
        ("..", "model"),
    ],
)
def test_a_model_name_becomes_a_plain_file_name(name: str, stem: str) -> None:
    assert file_stem(name) == stem
    assert bundle_name(name, "tflite", "fp32") == f"{stem}-tflite-fp32"


def test_openvino_stores_weights_in_a_second_file() -> None:
    assert model_files(Path("a/net.xml")) == (Path("a/net.xml"), Path("a/net.bin"))
    assert model_files(Path("a/net.tflite")) == (Path("a/net.tflite"),)
