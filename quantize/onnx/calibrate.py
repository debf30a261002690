"""The ranges of an ONNX graph's tensors, in a file that ONNX Runtime's quantizer reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...export.onnx.graph import INPUT
from ...models.spec import Tensor32
from ..calibration import Calibration
from ..matching import Observe, tensor_ranges
from ..measured import Measured, Range

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto


class Reader:
    """The library's interface for calibration data: one (1, C, H, W) per call, then None."""

    def __init__(self, calibration: Calibration) -> None:
        self._pictures = calibration.inputs()

    def get_next(self) -> dict[str, Tensor32] | None:
        """The next picture by the name of the graph's input."""
        picture: Any = next(self._pictures, None)
        return None if picture is None else {INPUT: _planes(picture)}


def write_ranges(
    model: "ModelProto", measured: Measured, calibration: Calibration, rule: str, out: Path
) -> dict[str, Range]:
    """Write the range of every float tensor of `model`, whose shapes are inferred, as the library's cache.

    Return the ranges.
    """
    from onnxruntime.quantization import CalibrationMethod
    from onnxruntime.quantization.calibrate import TensorsData, save_tensors_data

    names = list(_float_tensors(model))
    found = tensor_ranges(names, lambda chosen: _observer(model, chosen), measured, calibration, rule)
    ends = {name: (np.array(own.low, "<f4"), np.array(own.high, "<f4")) for name, own in found.items()}
    save_tensors_data(TensorsData(CalibrationMethod.MinMax, ends), out)
    return found


def of_softmax(model: "ModelProto", ranges: Mapping[str, Range]) -> dict[str, list[dict[str, Any]]]:
    """The ranges of what softmax gives, as `TensorQuantOverrides`.

    The library takes 0 to 1 for all of them. Where attention looks at hundreds of tokens, each has less than
    half a step of that, so that all become 0 (PiT, 730 tokens).
    """
    given = (node.output[0] for node in model.graph.node if node.op_type == "Softmax")
    zero = np.array(0, np.float32)
    return {
        name: [{"rmin": zero, "rmax": np.array(ranges[name].high, np.float32)}]
        for name in given
        if name in ranges
    }


def _float_tensors(model: "ModelProto") -> "dict[str, Any]":
    """The float32 tensors that `model` computes from the picture, and its input, with their types."""
    from onnx import TensorProto

    graph = model.graph
    written = {INPUT, *[name for node in graph.node for name in node.output]}
    return {
        value.name: value
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.name in written and value.type.tensor_type.elem_type == TensorProto.FLOAT
    }


def _observer(model: "ModelProto", names: Sequence[str]) -> Observe:
    """A session whose outputs are the tensors `names`, except for the graph's input, which it is given."""
    from onnx import ModelProto
    from onnxruntime import InferenceSession

    shown = ModelProto()
    shown.CopyFrom(model)
    types, outputs = _float_tensors(model), {value.name for value in model.graph.output}
    computed = [name for name in names if name != INPUT]
    shown.graph.output.extend(types[name] for name in computed if name not in outputs)
    session = InferenceSession(shown.SerializeToString(), providers=["CPUExecutionProvider"])

    def observe(picture: Tensor32) -> "list[NDArray[Any]]":
        planes = _planes(picture)
        values = {INPUT: planes} | dict(zip(computed, session.run(computed, {INPUT: planes}), strict=True))
        return [values[name] for name in names]

    return observe


def _planes(picture: Tensor32) -> Tensor32:
    return np.ascontiguousarray(picture.transpose(0, 3, 1, 2))
