"""Names of targets."""

import pytest

from edgewise.export import chosen, exporter, targets, tflite
from edgewise.models.errors import UsageError


def test_a_target_is_a_package_of_that_name() -> None:
    assert exporter("tflite") is tflite
    assert all(callable(exporter(name).export) for name in targets())


def test_three_targets_ship() -> None:
    assert targets() == ("onnx", "openvino", "tflite")


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("tflite", ("tflite",)),
        ("litert", ("tflite",)),
        ("ov", ("openvino",)),
        ("ONNX, litert,tflite", ("onnx", "tflite")),
        ("all", ("onnx", "openvino", "tflite")),
    ],
)
def test_a_list_of_targets_keeps_its_order_and_names_each_once(names: str, wanted: tuple[str, ...]) -> None:
    assert chosen(names) == wanted


@pytest.mark.parametrize("names", ["tensorrt", "_artifact", "", "onnx,", "onnx,coreml", "all,onnx"])
def test_an_unknown_target_is_refused(names: str) -> None:
    with pytest.raises(UsageError, match=r"hoose from onnx, openvino, tflite or all$"):
        chosen(names)
