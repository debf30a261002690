"""Which layers of an OpenVINO file can exceed 16 bits on x86 without VNNI: see `export/pairs.py`."""

from collections.abc import Iterator
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
    for operation, steps in integer_layers(model):
        count, largest = (None, None) if steps is None else pairs.excess(steps)
        if count != 0:
            found.append(Overflow(operation.get_friendly_name(), count, largest))
    return tuple(found)


def integer_layers(model: "ov.Model") -> Iterator[tuple["ov.Node", NDArray[np.int8] | None]]:
    """The layers with integer weights, without depthwise ones: the operation and (O, I, ...).

    Weights of another type than INT8 are None.
    """
    for operation in model.get_ordered_ops():
        if operation.get_type_name() not in _LAYERS:
            continue
        weight = operation.input_value(1).get_node()
        stored = _stored(weight)
        if stored is None:
            continue
        if stored.dtype != np.int8:
            yield operation, None
            continue
        steps = stored.reshape(tuple(weight.get_output_shape(0)))
        match operation.get_type_name():
            case "Convolution":  # (O, I, ...)
                yield operation, steps
            case "GroupConvolution":  # (G, O, I, ...)
                flat = steps.reshape(-1, *steps.shape[2:])
                if not pairs.is_depthwise(flat.shape, len(steps)):
                    yield operation, flat
            case _:
                rows = steps if operation.get_attributes()["transpose_b"] else np.swapaxes(steps, -1, -2)
                yield operation, rows.reshape(-1, rows.shape[-1])


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
