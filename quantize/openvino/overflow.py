"""Replace INT8 weights of an OpenVINO model whose products could exceed 16 bits: see `export/pairs.py`.

NNCF's own `overflow_fix` gives all weights of a layer seven bits instead, and only in the first layer unless
it is told otherwise. It is off where this is used.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...export import pairs
from ...export.openvino import exporter

if TYPE_CHECKING:
    import openvino as ov


def weights_of(model: "ov.Model") -> dict[str, NDArray[np.float32]]:
    """The float weights of the layers of `model`, by the layer's name: (O, I, ...), or (G, O, I, ...)."""
    found: dict[str, NDArray[np.float32]] = {}
    for operation in model.get_ops():
        if operation.get_type_name() in exporter.LAYERS:
            source = operation.input_value(1).get_node()
            if source.get_type_name() == "Constant":
                found[operation.get_friendly_name()] = np.array(source.data, np.float32)
    return found


def replace_weights(model: "ov.Model", floats: dict[str, NDArray[np.float32]], *, per_channel: bool) -> None:
    """Round those of the float weights `floats` that need it on safe steps, and put these into `model`."""
    from openvino import opset8

    for operation in model.get_ordered_ops():
        weight = floats.get(operation.get_friendly_name())
        stored = operation.input_value(1).get_node() if weight is not None else None
        if weight is None or stored is None or stored.get_type_name() != "Multiply":
            continue  # it stays in float
        grouped = operation.get_type_name() == "GroupConvolution"
        flat = weight.reshape(-1, *weight.shape[2:]) if grouped else weight
        groups = weight.shape[0] if grouped else 1
        if pairs.is_depthwise(flat.shape, groups):
            continue
        grid = pairs.fitted(flat, per_channel=per_channel)
        if grid is not None:
            outer = weight.shape[: 1 + grouped]
            scale = grid.scale.reshape(*outer, *[1] * (weight.ndim - len(outer)))
            steps = opset8.convert(opset8.constant(grid.steps.reshape(weight.shape)), "f32")
            restored = opset8.multiply(steps, opset8.constant(scale))
            restored.set_friendly_name(stored.get_friendly_name())
            operation.input(1).replace_source_output(restored.output(0))
