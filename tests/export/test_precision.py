"""Precisions by their names and their properties."""

import json

import pytest

from edgewise.export.precision import Precision
from edgewise.models.errors import UsageError


def test_names_are_those_of_files_and_of_the_command_line() -> None:
    assert [*Precision] == ["fp32", "fp16", "w8a32", "w8a8", "w8a8-mixed"]
    assert json.dumps({"precision": Precision.MIXED}) == '{"precision": "w8a8-mixed"}'
    assert f"mobilenetv2-{Precision.W8A8}" == "mobilenetv2-w8a8"


def test_properties_tell_arithmetic_from_weights() -> None:
    assert [one for one in Precision if one.integer] == ["w8a8", "w8a8-mixed"]
    assert [one for one in Precision if one.quantized] == ["w8a32", "w8a8", "w8a8-mixed"]
    assert [one for one in Precision if not one.requestable] == ["w8a8-mixed"]
    assert len({one.words for one in Precision}) == len(Precision)


def test_files_may_have_other_schemes() -> None:
    assert Precision.named("w8a8") is Precision.W8A8
    assert Precision.named("w8a16") is None


def test_what_is_asked_for_is_found_whatever_its_case() -> None:
    assert Precision.requested(" W8A32") is Precision.W8A32


@pytest.mark.parametrize("name", ["", "int8", "w8a8-mixed"])
def test_what_cannot_be_asked_for_is_refused(name: str) -> None:
    known = "fp32, fp16, w8a32 or w8a8"
    with pytest.raises(UsageError, match=f"unknown precision '{name}': .*hoose from {known}$"):
        Precision.requested(name)
