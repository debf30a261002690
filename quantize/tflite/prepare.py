"""Change a float file so that ai-edge-quantizer does not turn it into a wrong INT8 file.

1. torch pads a max-pool with minus infinity, which INT8 cannot represent: the library rejects the scale or
   writes a file that crashes the interpreter. The minimum of the padded tensor's range has the same effect:
   no INT8 value is below it, so it never wins a maximum over a value of the picture.
2. A bias is stored in steps of the input scale times the weight scale. A channel with (almost) all-zero
   weights, as training sometimes produces, has so small a scale that its bias overflows 32 bits and is lost.
   Its largest weight is raised as far as the bias needs, which changes the output by less than 1/10000 of it.
3. If a scale follows a linear layer (ConvNeXt's LayerScale), the converter folds it into weight and bias, and
   the bias gets the shape (1, 1, 1, C). The library scales it along the first axis, which has length 1, and
   LiteRT cannot open the file. The shape is changed to (C,).
"""

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, OperatorT, TensorT

Ranges: TypeAlias = dict[str, dict[str, Any]]  # {'min', 'max'} of each tensor by name

_LOWEST = np.finfo(np.float32).min
_MOST_STEPS = 2**30  # of a bias, half of the range of 32 bits
_SMALLEST_SPAN = 1e-9  # the library's lower limit for a range
_CHANNELS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}  # output axis of the weight


def prepare(model: "ModelT", ranges: Ranges) -> Ranges:
    """Make `model` ready to be quantized, in place; return the `ranges` of its tensors then."""
    from ai_edge_litert.tools.flatbuffer_utils import opcode_to_name

    ranges = dict(ranges)
    for operator in model.subgraphs[0].operators:
        kind = opcode_to_name(model, operator.opcodeIndex)
        if kind == "PADV2":
            _make_padding_finite(model, operator, ranges)
        elif kind in _CHANNELS and len(operator.inputs) > 2 and operator.inputs[2] >= 0:
            _flatten(model.subgraphs[0].tensors[operator.inputs[2]])
            _make_biases_fit(model, operator, ranges, _CHANNELS[kind])
    return ranges


def padded(model: "ModelT") -> dict[str, str]:
    """The tensors that are padded with zero or minus infinity, each with the tensor that it was made from."""
    from ai_edge_litert.tools.flatbuffer_utils import opcode_to_name

    found: dict[str, str] = {}
    tensors = model.subgraphs[0].tensors
    for operator in model.subgraphs[0].operators:
        kind = opcode_to_name(model, operator.opcodeIndex)
        if kind == "PAD" or (kind == "PADV2" and _is_lowest(model, tensors[operator.inputs[2]])):
            source, result = tensors[operator.inputs[0]], tensors[operator.outputs[0]]
            found[result.name.decode()] = source.name.decode()
    return found


def _make_padding_finite(model: "ModelT", operator: "OperatorT", ranges: Ranges) -> None:
    from ai_edge_litert.schema_py_generated import BufferT, TensorT

    tensors = model.subgraphs[0].tensors
    source, constant, padded = (tensors[index] for index in (*operator.inputs[::2], *operator.outputs))
    if not _is_lowest(model, constant):
        return
    own = ranges[padded.name.decode()] = ranges[source.name.decode()]
    lowest = np.minimum(own["min"], 0)  # the range of an INT8 tensor includes zero
    # A separate constant, because operators with different tensors share the old one.
    operator.inputs[2] = len(tensors)
    name = padded.name + b"_value"
    tensors.append(TensorT(name=name, shape=[], type=constant.type, buffer=len(model.buffers)))
    model.buffers.append(BufferT(data=_bytes(lowest)))


def _is_lowest(model: "ModelT", constant: "TensorT") -> bool:
    value = _constant(model, constant)
    return value is not None and bool(value.item() <= _LOWEST)


def _flatten(bias: "TensorT") -> None:
    bias.shape = [math.prod(bias.shape)]
    bias.shapeSignature = None


def _make_biases_fit(model: "ModelT", operator: "OperatorT", ranges: Ranges, axis: int) -> None:
    source, weight, bias = (model.subgraphs[0].tensors[index] for index in operator.inputs)
    values, shifts = _constant(model, weight), _constant(model, bias)
    if values is None or shifts is None:
        return
    own = ranges[source.name.decode()]
    span = (np.maximum(own["max"], 0) - np.minimum(own["min"], 0)).item()
    least = 127 * np.abs(shifts) / (_MOST_STEPS * max(span, _SMALLEST_SPAN) / 255)
    outputs_first = np.moveaxis(values.reshape(weight.shape), axis, 0)
    by_output = outputs_first.reshape(len(shifts), -1)
    places = np.arange(len(shifts)), np.abs(by_output).argmax(axis=1)
    largest = by_output[places]
    by_output[places] = np.copysign(np.maximum(np.abs(largest), least), largest)
    changed = np.moveaxis(by_output.reshape(outputs_first.shape), 0, axis)
    model.buffers[weight.buffer].data = _bytes(changed)


def _constant(model: "ModelT", tensor: "TensorT") -> NDArray[np.float32] | None:
    data = model.buffers[tensor.buffer].data
    return None if data is None else np.frombuffer(data, "<f4").copy()


def _bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.frombuffer(np.ascontiguousarray(values, "<f4").tobytes(), np.uint8)
