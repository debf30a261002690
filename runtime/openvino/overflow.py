"""Which layers of an OpenVINO file can exceed 16 bits on x86 without VNNI: see `export/pairs.py`."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...export import pairs
from ..structure import Overflow

if TYPE_CHECKING:
    import openvino as ov

_LAYERS = {"Convolution", "GroupConvolution", "MatMul"}
_SCALING = {"Convert", "Multiply", "Subtract", "Reshape"}  # from stored integers to the weight


def overflow(model: "ov.Model") -> tuple[Overflow, ...]:
    """The layers of `model`, an INT8 file, that can exceed 16 bits.

    Layers with float weights are left out. Weights of an unusual integer type are assumed to exceed them.
    """
    found = []
    for operation in model.get_ordered_ops():
        if operation.get_type_name() not in _LAYERS:
            continue
        weight, name = operation.input_value(1).get_node(), operation.get_friendly_name()
        stored = _stored(weight)
        if stored is None:
            continue
        if stored.dtype != np.int8:
            found.append(Overflow(name, None, None))
            continue
        count, largest = _excess(operation, stored.reshape(tuple(weight.get_output_shape(0))))
        if count:
            found.append(Overflow(name, count, largest))
    return tuple(found)


def _stored(node: "ov.Node") -> NDArray[Any] | None:
    """The integer constant that `node` scales, or INT8 of a FakeQuantize of a float one; None if float."""
    while node.get_type_name() in _SCALING:
        node = node.input_value(0).get_node()
    if node.get_type_name() == "FakeQuantize":
        ends = [node.input_value(index).get_node() for index in range(3)]
        if any(end.get_type_name() != "Constant" for end in ends):
            return None
        value, low, high = (np.asarray(end.data, np.float64) for end in ends)
        levels = int(node.get_attributes()["levels"])
        width = np.where(high > low, high - low, 1)
        steps = np.rint((np.clip(value, low, high) - low) / width * (levels - 1)) - levels // 2
        return steps.astype(np.int8 if levels <= 256 else np.int32)
    if node.get_type_name() != "Constant" or node.get_output_element_type(0).is_real():
        return None
    return np.asarray(node.data)


def _excess(operation: "ov.Node", weight: NDArray[Any]) -> tuple[int, int]:
    """The pairs that can exceed 16 bits, and the largest sum."""
    match operation.get_type_name():
        case "Convolution":  # (O, I, ...)
            return pairs.excess(weight)
        case "GroupConvolution":  # (G, O, I, ...)
            flat = weight.reshape(-1, *weight.shape[2:])
            return (0, 0) if pairs.is_depthwise(flat.shape, len(weight)) else pairs.excess(flat)
        case _:
            if not operation.get_attributes()["transpose_b"]:
                weight = np.swapaxes(weight, -1, -2)
            return pairs.excess(weight.reshape(-1, weight.shape[-1]))
