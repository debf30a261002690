"""Quantizers found by target."""

import pytest

from edgewise.models.errors import EdgewiseError
from edgewise.quantize import quantizer, tflite


def test_a_quantizer_is_found_by_its_target() -> None:
    assert quantizer("tflite") is tflite
    with pytest.raises(EdgewiseError, match=r"add quantize/tensorrt\.py"):
        quantizer("tensorrt")
