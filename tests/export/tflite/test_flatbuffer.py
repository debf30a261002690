"""Packing keeps the model and aligns every buffer as the schema requires."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgewise.export.artifact import Artifact
from edgewise.export.tflite.flatbuffer import pack, unpack


def test_packing_keeps_every_buffer(tiny_float: Artifact) -> None:
    content = tiny_float.path.read_bytes()
    before = unpack(content)
    after = unpack(pack(unpack(content)))
    assert len(after.buffers) == len(before.buffers)
    for old, new in zip(before.buffers, after.buffers, strict=True):
        assert (old.data is None) == (new.data is None)
        assert old.data is None or bytes(old.data) == bytes(new.data)


def test_packing_again_changes_nothing(tiny_float: Artifact) -> None:
    packed = pack(unpack(tiny_float.path.read_bytes()))
    assert pack(unpack(packed)) == packed


def test_buffers_are_aligned_to_sixteen_bytes(tiny_float: Artifact) -> None:
    content = tiny_float.path.read_bytes()
    packed = pack(unpack(content))
    start = np.frombuffer(packed, np.uint8).ctypes.data
    model = schema.Model.GetRootAs(packed)
    data = [model.Buffers(index).DataAsNumpy() for index in range(model.BuffersLength())]
    places = [array.ctypes.data - start for array in data if isinstance(array, np.ndarray)]
    assert len(places) > 20
    assert not [place for place in places if place % 16]
