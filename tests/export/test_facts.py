"""The rows of facts: no two targets share what tells them apart, and what they name exists."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from edgewise.export.artifact import IOS, model_files
from edgewise.export.facts import TARGETS, TargetFacts
from edgewise.models.requirements import requirements
from edgewise.runtime.devices import browser

ROWS = [*TARGETS.values()]
EACH = pytest.mark.parametrize("row", ROWS, ids=[*TARGETS])


def test_names_and_suffixes_are_of_one_target_each() -> None:
    called = [name for row in ROWS for name in (row.name, *row.aliases)]
    suffixes = [row.suffix for row in ROWS]
    assert len({*called}) == len(called)
    assert len({*suffixes}) == len(suffixes)


@EACH
def test_each_format_knows_its_files_alone(row: TargetFacts) -> None:
    heads = {
        "onnx": b"\x08\x0a\x12\x07pytorch",
        "openvino": b'<?xml version="1.0"?>\n<net name="Model0" version="11"></net>\n',
        "tflite": b"\x1c\x00\x00\x00TFL3" + bytes(24),
    }
    assert [name for name, head in heads.items() if row.recognises(head)] == [row.name]
    assert not any(row.recognises(head) for head in (b"", b"\x08", b"\x08\x0a", b"text", bytes(64)))


@EACH
def test_a_second_file_lies_beside_the_first(row: TargetFacts) -> None:
    files = model_files(Path(f"a/net{row.suffix}"))
    assert [file.suffix for file in files] == [row.suffix, *filter(None, [row.weights_suffix])]


@EACH
def test_the_modules_can_be_found_and_its_extra_brings_what_runs_it(row: TargetFacts) -> None:
    for module in (*row.export, *row.quantize, *row.run):
        assert find_spec(module.partition(".")[0]) is not None, module
    brought = {line.split("<")[0].split(">")[0] for line in requirements(row.extra)}
    assert {module.partition(".")[0].replace("_", "-") for module in row.run} == brought


@EACH
def test_operators_are_those_of_torch(row: TargetFacts) -> None:
    assert all(hasattr(torch.ops.aten, name) for name in row.without_int8)


@EACH
def test_the_engine_for_browsers_is_pinned(row: TargetFacts) -> None:
    lock = json.loads((Path(browser.__file__).parent / "_page" / "package-lock.json").read_bytes())
    assert row.web is None or f"node_modules/{row.web.package}" in lock["packages"]


def test_every_target_takes_float_pictures() -> None:
    assert IOS == ("float32", "int8", "uint8")
    assert all("float32" in row.ios for row in ROWS)
