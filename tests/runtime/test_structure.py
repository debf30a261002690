"""The precision of a file, derived from its operators and weights."""

import json

import pytest

from edgewise.models.errors import EdgewiseError
from edgewise.runtime.structure import Operator, Structure, Tensor


def made(layers: dict[str, int], weights: dict[str, int], others: dict[str, int] | None = None) -> Structure:
    """A structure with the given numbers of layers, stored values and other operators by type."""
    operators = [Operator("CONV_2D", arithmetic, layer=True, count=n) for arithmetic, n in layers.items()]
    operators += [
        Operator("MUL", arithmetic, layer=False, count=n) for arithmetic, n in (others or {}).items()
    ]
    ends = (Tensor("input", "float32", (1, 4, 4, 3)),)
    return Structure(tuple(operators), weights, ends, ends, size_bytes=1000)


@pytest.mark.parametrize(
    ("found", "precision"),
    [
        (made({"float32": 3}, {"float32": 100}), "fp32"),
        (made({"float32": 3}, {"float16": 100, "float32": 5}), "fp16"),
        (made({"float32": 3}, {"int8": 100, "float32": 5}), "w8a32"),
        (made({"int8": 3}, {"int8": 100, "int32": 5}), "w8a8"),
        (made({"int8": 3}, {"int8": 100}, {"float32": 2, "cast": 2}), "w8a8"),
        (made({"int8": 3, "float32": 1}, {"int8": 100, "float32": 50}), "w8a8-mixed"),
        (made({"int16": 3}, {"int8": 100}), "w8a16"),
        (made({}, {}), "fp32"),
    ],
)
def test_the_precision_follows_from_the_structure(found: Structure, precision: str) -> None:
    assert found.precision == precision
    found.require(precision)


def test_a_file_of_another_precision_is_refused() -> None:
    with pytest.raises(
        EdgewiseError, match=r"should be w8a8 but is fp32 \(3 layers in float, .*'float32': 100"
    ):
        made({"float32": 3}, {"float32": 100}).require("w8a8")
    with pytest.raises(EdgewiseError, match=r"should be w8a8 but is w8a8-mixed \(1 layers in float"):
        made({"int8": 3, "float32": 1}, {"int8": 100}).require("w8a8")


def test_islands_are_float_operators_without_weights() -> None:
    found = made({"int8": 3, "float32": 2}, {"int8": 100}, {"float32": 4, "int8": 5, "cast": 6})
    assert found.islands == {"MUL": 4}
    assert found.float_layers == 2


def test_it_is_plain_data() -> None:
    found = made({"int8": 3}, {"int8": 100}, {"float32": 2}).to_json()
    assert json.loads(json.dumps(found))["precision"] == "w8a8"
    assert found["islands"] == {"MUL": 2}
