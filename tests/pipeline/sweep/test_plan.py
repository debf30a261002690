"""Names and globs of a sweep, and their settings."""

from pathlib import Path

import pytest

from edgewise.export.precision import Precision
from edgewise.models.errors import UsageError
from edgewise.models.zoo import architectures
from edgewise.pipeline.sweep.plan import SETTINGS, swept


def names(*given: str) -> list[str]:
    return [network.name for network in swept(given, {})]


def test_globs_find_networks_of_the_zoo_in_its_order() -> None:
    known = [row.name for row in architectures()]
    assert names("mobilenetv3*") == [name for name in known if name.startswith("mobilenetv3")] != []
    assert names("ALL") == known
    assert names("resnet18", "resnet1?") == ["resnet18"]


def test_globs_find_networks_of_a_library() -> None:
    found = ["torchvision:resnet101", "torchvision:resnet152", "torchvision:resnet18"]
    assert names("torchvision:resnet1*") == found


def test_globs_find_files(tmp_path: Path) -> None:
    for run in ("b", "a"):
        (tmp_path / run).mkdir()
        (tmp_path / run / "model.safetensors").touch()
    found = swept([f"{tmp_path}/*/model.safetensors"], {})
    assert [network.title for network in found] == ["a/model.safetensors", "b/model.safetensors"]


def test_a_network_can_have_a_file_of_weights_of_its_own() -> None:
    first, second = swept(["resnet18=mine.pth", "resnet18"], {"weights": "random"})
    assert (first.settings["weights"], second.settings["weights"]) == ("mine.pth", "random")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mobilnetv2", "did you mean mobilenetv2"),
        ("nosuch*", "matches no network and no file"),
        ("resnet18=", "is half a pair"),
        ("torchvision:nosuch*", "matches no network and no file"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        swept([name], {})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"wieghts": "random"}, "did you mean weights"),
        ({"imgsz": "large"}, "imgsz: is 'large'"),
        ({"precision": "int7"}, "int7"),
        ({"max_drop": 200}, "must be between 0 and 100"),
        ({"to": ["onnx", 3]}, r"to\[1\]: is 3"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        swept(["resnet18"], settings)


def test_every_setting_is_one_of_a_conversion() -> None:
    (network,) = swept(["resnet18"], {"to": "onnx,tflite", "imgsz": [32, 96], "io": "float32"})
    assert {*SETTINGS} <= {*type(network.request(None)).__dataclass_fields__}
    assert network.pairs == [
        ("onnx", Precision.FP32),
        ("onnx", Precision.W8A8),
        ("tflite", Precision.FP32),
        ("tflite", Precision.W8A8),
    ]
    assert network.request(None).imgsz == (32, 96)


def test_what_only_int8_has_does_not_stop_a_float_file() -> None:
    (network,) = swept(["resnet18"], {"effort": "fast"})
    request = network.request(None, ["onnx"], [Precision.FP32])
    assert (request.precisions, request.effort) == ((Precision.FP32,), "default")
