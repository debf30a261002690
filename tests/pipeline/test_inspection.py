"""What a file really is, from a program."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edgewise

Documented = Callable[[Any, str], dict[str, Any]]


def test_a_bundle_and_its_file_are_the_same_model(tiny_bundle: Path, document_of: Documented) -> None:
    found = edgewise.inspect(tiny_bundle)
    assert found.bundle is not None
    alone = edgewise.inspect(str(found.file))
    assert alone.structure == found.structure
    assert (alone.bundle, alone.refusal, found.refusal) == (None, None, None)
    assert (found.target, found.structure.precision) == ("tflite", "w8a8")
    assert found.structure.size_bytes == found.file.stat().st_size
    found.require()  # raises nothing
    document = document_of(found, "inspection")
    assert document["manifest"] == found.bundle.manifest
    assert document["structure"]["precision"] == "w8a8"
    assert repr(found).startswith("<Inspection tflite w8a8: 0.0")
    assert repr(found).endswith(f" int8, 2 cast; {found.file}>")


def test_a_manifest_that_calls_it_something_else_is_found_out(tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "b")
    manifest = json.loads((tmp_path / "b" / "manifest.json").read_bytes())
    (tmp_path / "b" / "manifest.json").write_text(json.dumps(manifest | {"precision": "fp16"}))
    found = edgewise.inspect(tmp_path / "b")
    with pytest.raises(edgewise.EdgewiseError, match=r"its manifest calls it fp16, but .* is w8a8"):
        found.require()


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("notes.txt", b"no model", r"\.txt"),
        ("a.tflite", b"no model", "a.tflite"),
        ("a.onnx", b"", "a.onnx"),
        ("a.xml", b"<html>", "a.xml"),
    ],
)
def test_what_is_no_model(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(edgewise.UsageError, match=complaint):
        edgewise.inspect(tmp_path / name)
    with pytest.raises(edgewise.UsageError, match="nowhere"):
        edgewise.inspect(tmp_path / "nowhere.tflite")
    with pytest.raises(edgewise.UsageError, match=r"manifest\.json"):
        edgewise.inspect(tmp_path)


def test_a_damaged_model_is_an_edgewise_error(tiny_bundle: Path, tmp_path: Path) -> None:
    content = (tiny_bundle / "tiny-w8a8.tflite").read_bytes()
    (tmp_path / "half.tflite").write_bytes(content[: len(content) // 2])
    with pytest.raises(edgewise.EdgewiseError, match=r"half\.tflite"):
        edgewise.inspect(tmp_path / "half.tflite")
