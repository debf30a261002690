"""What INT8 layers did on pictures, in words."""

from typing import TYPE_CHECKING

import pytest

from edgewise.export.artifact import Artifact
from edgewise.runtime.judge.observed import Observed, observe
from edgewise.runtime.onnx import read_structure
from edgewise.runtime.products import Count
from edgewise.runtime.structure import Overflow

if TYPE_CHECKING:
    from edgewise.quantize.calibration import Calibration


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        (
            {"stem": Count(2, 400, 1, 200), "head": Count(0, 600, 0, 10)},
            "0.2 % of the sums of these pairs did, most in stem, where they changed 0.5 % of the values",
        ),
        (
            {"stem": Count(0, 4000, 0, 200), "foreign": Count()},
            "none of the 4,000 sums of these pairs did; 1 of the layers cannot be observed",
        ),
    ],
)
def test_words(layers: dict[str, Count], text: str) -> None:
    assert Observed(16, layers).text == f"on 16 calibration pictures {text}"


def test_no_layer_that_can_be_observed() -> None:
    assert Observed(16, {"foreign": Count()}).text == (
        "on 16 calibration pictures none of the layers can be observed"
    )


def test_a_file(onnx_int8: Artifact, tiny_calibration: "Calibration") -> None:
    layers = *read_structure(onnx_int8.path).overflow, Overflow("elsewhere", None, None)
    batch = tiny_calibration.batch(2)
    bright, dark = (observe(onnx_int8.path, "onnx", layers, pictures) for pictures in (batch, batch * 0))
    assert bright.pictures == 2
    assert list(bright.layers) == [layer.layer for layer in layers]
    first = layers[0].layer
    assert bright.layers[first].values == dark.layers[first].values > 0
    assert bright.layers[first].sums == dark.layers[first].sums > 0
    assert bright.layers["elsewhere"] == Count()
