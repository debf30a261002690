"""Metadata of files, written by edgewise and by others."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import BufferT, ExternalBufferGroupT, MetadataT, Model
from hypothesis import given
from hypothesis import strategies as st

from edgewise.export.artifact import Artifact
from edgewise.export.tflite.flatbuffer import pack, unpack
from edgewise.models.errors import EdgewiseError
from edgewise.runtime.tflite.metadata import files_beside, metadata


def told(model: bytes) -> dict[str, str]:
    return metadata(Model.GetRootAs(model))


def with_entries(model: bytes, entries: dict[str, bytes]) -> bytes:
    """A copy with only these metadata entries."""
    parsed = unpack(model)
    parsed.metadata = []
    for name, content in entries.items():
        parsed.metadata.append(MetadataT(name=name, buffer=len(parsed.buffers)))
        parsed.buffers.append(BufferT(data=np.frombuffer(content, np.uint8)))
    return pack(parsed)


def table_of(model: bytes) -> bytes:
    """The bytes of the standard metadata."""
    parsed = unpack(model)
    return next(bytes(parsed.buffers[item.buffer].data) for item in parsed.metadata if b"TFLITE" in item.name)


def test_our_file_describes_itself(tiny_float: Artifact) -> None:
    found = told(tiny_float.path.read_bytes())
    assert tuple(map(int, found.pop("min_runtime_version").split("."))) >= (1, 5, 0)
    assert found == {
        "name": "tiny",
        "description": "tiny, float32, weights: random weights",
        "labels": "labels.txt",
        "normalisation": "(pixel - (123.675, 116.28, 103.53)) / (58.395, 57.12, 57.375)",
    }


def test_a_file_without_metadata(tiny_float: Artifact) -> None:
    assert told(with_entries(tiny_float.path.read_bytes(), {})) == {}


def test_padding_is_not_part_of_a_version(tiny_float: Artifact) -> None:
    content = with_entries(tiny_float.path.read_bytes(), {"min_runtime_version": b"1.14.0\0\0\0\0"})
    assert told(content) == {"min_runtime_version": "1.14.0"}


@pytest.mark.parametrize("table", [b"", b"M001", b"\xff" * 64, bytes(3)])
def test_damaged_metadata_is_refused(tiny_float: Artifact, table: bytes) -> None:
    content = with_entries(tiny_float.path.read_bytes(), {"TFLITE_METADATA": table})
    with pytest.raises(EdgewiseError, match="metadata is damaged"):
        told(content)


@given(data=st.data())
def test_any_damage_is_at_most_an_error(tiny_float: Artifact, data: st.DataObject) -> None:
    content = tiny_float.path.read_bytes()
    table = bytearray(table_of(content))
    for place in data.draw(st.lists(st.integers(0, len(table) - 1), min_size=1, max_size=4)):
        table[place] = data.draw(st.integers(0, 255))
    with suppress(EdgewiseError):
        told(with_entries(content, {"TFLITE_METADATA": bytes(table)}))


def test_the_metadata_of_another_writers_file_is_read(realdata: Path) -> None:
    path = realdata / "peers" / "google-mobilenetv2-int8.tflite"
    if not path.is_file():
        pytest.skip(f"no {path}")
    assert told(path.read_bytes()) == {
        "name": "ImageClassifier",
        "description": "Identify the most prominent object in the image from a known set of categories.",
        "labels": "imagenet_labels.txt",
        "normalisation": "(pixel - 127.5) / 127.5",
        "min_runtime_version": "1.14.0",
    }


def test_files_of_external_buffers_are_named(tiny_float: Artifact, tmp_path: Path) -> None:
    assert files_beside(tiny_float.path) == ()
    model = unpack(tiny_float.path.read_bytes())
    model.externalBufferGroups = [ExternalBufferGroupT(name="../weights.bin")]
    (tmp_path / "a.tflite").write_bytes(pack(model))
    assert files_beside(tmp_path / "a.tflite") == ("../weights.bin",)
    (tmp_path / "a.tflite").write_bytes(pack(model)[:20])
    with pytest.raises(EdgewiseError, match=r"^a\.tflite: is a damaged TFLite file"):
        files_beside(tmp_path / "a.tflite")
    (tmp_path / "a.tflite").write_bytes(b"something else")
    assert files_beside(tmp_path / "a.tflite") == ()
