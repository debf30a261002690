"""Errors that suggest what was meant."""

import pytest

from edgewise.models.errors import unknown

_KNOWN = ("onnx", "openvino", "tflite")


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("tflit", "did you mean tflite? Choose from onnx, openvino or tflite"),
        ("onx", "did you mean onnx? Choose"),
        ("tensorrt", "unknown target 'tensorrt': choose from onnx, openvino or tflite"),
        ("", "unknown target '': choose from"),
    ],
)
def test_the_nearest_name_is_suggested_if_there_is_one(asked: str, hint: str) -> None:
    assert hint in str(unknown("target", asked, _KNOWN))


def test_what_other_tools_call_it_is_known() -> None:
    error = unknown("precision", "int8", ("fp32", "w8a8"), "w8a8 (or --int8)")
    assert str(error) == "unknown precision 'int8': did you mean w8a8 (or --int8)? Choose from fp32 or w8a8"
    assert error.exit_code == 2
