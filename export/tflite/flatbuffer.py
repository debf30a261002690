"""Convert a .tflite file to Python objects and back."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT

_ALIGNMENT = 16  # bytes: `Buffer.data` is (force_align: 16) in TFLite's schema.fbs


def unpack(model: bytes) -> "ModelT":
    """Parse a .tflite file, including weights stored after the FlatBuffer."""
    from ai_edge_litert.tools.flatbuffer_utils import read_model_from_bytearray

    return cast("ModelT", read_model_from_bytearray(model))


def pack(model: "ModelT") -> bytes:
    """Serialize `model` with its buffers aligned to 16 bytes, as the schema requires.

    `Pack` leaves alignment to the builder, and that of flatbuffers ignores `force_align` (it uses 4 bytes).
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
    builder = AlignedBuilder(sum(buffer.data.nbytes for buffer in model.buffers if buffer.data is not None))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
