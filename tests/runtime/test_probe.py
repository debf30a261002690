"""Damaged, hostile and foreign files, inspected in a child process."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.export.artifact import Artifact
from edgewise.export.tflite.flatbuffer import pack, unpack
from edgewise.models.errors import EdgewiseError, MissingDependencyError, UsageError
from edgewise.runtime import runtime
from edgewise.runtime.probe import probe, target_of

TFLITE = b"\x1c\x00\x00\x00TFL3" + bytes(24)
ONNX = b"\x08\x0a\x12\x07pytorch"
OPENVINO = b'<?xml version="1.0"?>\n<net name="Model0" version="11"></net>\n'


def changed(artifact: Artifact, file: Path, change: Any) -> Path:
    """A copy of a .tflite file with its objects modified by `change`."""
    raw = artifact.path.read_bytes()
    model = unpack(raw)
    change(model)
    file.write_bytes(pack(model))
    return file


def without_weights(place: int) -> Callable[[Any], None]:
    """Remove the second input of one operator, which LiteRT then reads before the first tensor."""

    def change(model: Any) -> None:
        operator = model.subgraphs[0].operators[place]
        operator.inputs = np.array([operator.inputs[0], -1, *operator.inputs[2:]], np.int32)

    return change


def with_two_outputs(model: Any) -> None:
    graph = model.subgraphs[0]
    graph.outputs = np.append(graph.outputs, graph.operators[-2].outputs[0])


def endless() -> bytes:
    """An ONNX file with an infinite loop."""
    from onnx import TensorProto, helper

    def value(name: str, kind: int, shape: list[int]) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    true = [value("round", TensorProto.INT64, []), value("on", TensorProto.BOOL, [])]
    picture = [1, 3, 8, 8]
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["still"]), helper.make_node("Abs", ["x"], ["y"])],
        "body",
        [*true, value("x", TensorProto.FLOAT, picture)],
        [value("still", TensorProto.BOOL, []), value("y", TensorProto.FLOAT, picture)],
    )
    nodes = [
        helper.make_node("Loop", ["", "true", "input"], ["seen"], body=body),
        helper.make_node("ReduceMean", ["seen", "axes"], ["logits"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "endless",
        [value("input", TensorProto.FLOAT, picture)],
        [value("logits", TensorProto.FLOAT, [1, 3])],
        [
            helper.make_tensor("true", TensorProto.BOOL, [], [True]),
            helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("name", "content", "target"),
    [
        ("a.tflite", TFLITE, "tflite"),
        ("a.TFLITE", TFLITE, "tflite"),
        ("a.onnx", ONNX, "onnx"),
        ("a.xml", OPENVINO, "openvino"),
        ("a.xml", OPENVINO.partition(b"\n")[2], "openvino"),
    ],
)
def test_the_target_is_found_by_the_file(tmp_path: Path, name: str, content: bytes, target: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert target_of(tmp_path / name) == target


def test_the_targets_of_real_files_are_found(tiny_float: Artifact) -> None:
    assert target_of(tiny_float.path) == "tflite"


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.tflite", b"", "has the suffix of tflite but is empty"),
        ("a.tflite", ONNX, "has the suffix of tflite but contains onnx"),
        ("a.onnx", OPENVINO, "has the suffix of onnx but contains openvino"),
        ("a.onnx", b"\x08\x0a", "has the suffix of onnx but contains something else"),
        ("a.xml", b"<html>", "has the suffix of openvino but contains something else"),
        ("a.bin", TFLITE, r"\.bin is not a model file's suffix; .*; it contains tflite, so rename it"),
        (
            "a.pth",
            b"PK\x03\x04",
            r"\.pth is not .* suffix; known suffixes are \.onnx \(onnx\), .*, \.tflite \(tflite\)$",
        ),
        ("a", b"text", "no suffix is not a model file's suffix"),
    ],
)
def test_a_file_that_is_not_a_model_is_refused(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=complaint):
        target_of(tmp_path / name)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read \(No such file"):
        target_of(tmp_path / "a.onnx")


def test_the_child_finds_the_same_as_the_runtime(tiny_int8: dict[str, Artifact]) -> None:
    for file in tiny_int8.values():
        found = probe(file.path, "tflite")
        assert found.structure == runtime("tflite").read_structure(file.path)
        assert found.refusal is None
        assert found.structure.precision == "w8a8"


def test_a_relative_path_works(tiny_float: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_float.path.parent)
    assert probe(Path(tiny_float.path.name), "tflite").structure.precision == "fp32"


@pytest.mark.parametrize("place", [3, 8, 14])
def test_a_hostile_file_is_reported_whether_or_not_it_crashes_the_parser(
    tiny_float: Artifact, tmp_path: Path, place: int
) -> None:
    """The memory before the first tensor is arbitrary: often a segmentation fault, but not always."""
    file = changed(tiny_float, tmp_path / "hostile.tflite", without_weights(place))
    assert target_of(file) == "tflite"
    told = r"^hostile\.tflite: (crashes the tflite runtime \(SIGSEGV\), so|LiteRT cannot open it)"
    with pytest.raises(EdgewiseError, match=told):
        probe(file, "tflite")


def test_an_endless_file_is_killed_in_its_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "endless.onnx"
    file.write_bytes(endless())
    limited = tmp_path / "python"
    limited.write_text(f'#!/bin/sh\nulimit -t 3\nexec "{sys.executable}" "$@"\n')
    limited.chmod(0o755)
    monkeypatch.setattr(sys, "executable", os.fspath(limited))
    with pytest.raises(
        EdgewiseError, match=r"^endless\.onnx: crashes the onnx runtime \((SIGXCPU|SIGKILL)\)"
    ):
        probe(file, target_of(file))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_reported(tiny_int8: dict[str, Artifact], tmp_path: Path, part: float) -> None:
    whole = tiny_int8["int8"].path.read_bytes()
    file = tmp_path / "cut.tflite"
    file.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(EdgewiseError, match=r"^cut\.tflite: "):
        probe(file, target_of(file))


@pytest.mark.parametrize(
    ("name", "start"), [("noise.tflite", TFLITE), ("noise.onnx", ONNX), ("noise.xml", OPENVINO)]
)
def test_noise_after_a_valid_start_is_reported(tmp_path: Path, name: str, start: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(start[: max(8, len(start) // 2)] + np.random.default_rng(0).bytes(4000))
    with pytest.raises(EdgewiseError, match=rf"^{name}: ") as caught:
        probe(file, target_of(file))
    assert str(caught.value).isprintable()


def test_a_model_that_is_not_a_classifier_is_described(tiny_float: Artifact, tmp_path: Path) -> None:
    file = changed(tiny_float, tmp_path / "two.tflite", with_two_outputs)
    found = probe(file, "tflite")
    assert len(found.structure.outputs) == 2
    assert found.refusal is not None
    assert "2 outputs" in found.refusal


def test_a_missing_library_is_the_same_error_as_in_process(
    tiny_float: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ai_edge_litert.py").write_text("raise ModuleNotFoundError('no', name='ai_edge_litert')")
    monkeypatch.setenv("PYTHONPATH", os.fspath(tmp_path))
    with pytest.raises(MissingDependencyError, match=r"Run: pip install 'ai-edge-litert[<>][^ ]*'$"):
        probe(tiny_float.path, "tflite")
