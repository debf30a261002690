"""A .tflite file as objects, and back."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT

_ALIGNMENT = 16  # bytes: `Buffer.data` is (force_align: 16) in TFLite's schema.fbs


def unpack(model: bytes) -> "ModelT":
    """The objects of a .tflite file, weights behind the FlatBuffer included."""
    from ai_edge_litert.tools.flatbuffer_utils import read_model_from_bytearray

    return cast("ModelT", read_model_from_bytearray(model))


def pack(model: "ModelT", size_hint: int) -> bytes:
    """`model` as a FlatBuffer whose buffers lie on multiples of 16 bytes, as the schema demands.

    `Pack` leaves alignment to its builder, and flatbuffers' own knows no `force_align` (4 bytes only).
    """
    from flatbuffers import Builder

    class AlignedBuilder(Builder):  # type: ignore[misc]
        def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802 - the library's name
            if x.dtype == np.uint8:
                self.Prep(_ALIGNMENT, x.nbytes)
            return int(super().CreateNumpyVector(x))

    for buffer in model.buffers:
        if buffer.data is not None:
            buffer.data = np.frombuffer(buffer.data, np.uint8)
    builder = AlignedBuilder(size_hint)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
