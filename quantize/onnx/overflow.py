"""Give ONNX Runtime's quantizer weights whose products cannot exceed 16 bits: see `export/pairs.py`."""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ...export import pairs
from ...export.onnx.graph import groups_of, weight_axes
from ..recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

Overrides: TypeAlias = dict[str, list[dict[str, Any]]]  # of `TensorQuantOverrides`, by the weight's name


def overrides(model: "ModelProto", recipe: Recipe) -> Overrides:
    """Move the weights of `model` that could exceed 16 bits onto safe steps; return the scales of these.

    The quantizer then rounds each weight to exactly these steps.
    """
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    axes = weight_axes(model.graph)
    found: Overrides = {}
    for node in model.graph.node:
        name = node.input[1] if len(node.input) > 1 else ""
        if name not in axes or name not in tensors or name in found or node.op_type == "ConvTranspose":
            continue
        axis, value = axes[name], numpy_helper.to_array(tensors[name])
        weight: NDArray[np.float32] = np.moveaxis(value, axis, 0)
        if weight.ndim < 2 or pairs.is_depthwise(weight.shape, groups_of(node)):
            continue
        grid = pairs.fitted(weight, per_channel=recipe.per_channel)
        if grid is not None:
            moved = np.ascontiguousarray(np.moveaxis(grid.values, 0, axis))
            tensors[name].CopyFrom(numpy_helper.from_array(moved, name))
            found[name] = _scales(grid, axis % value.ndim, recipe)
    return found


def _scales(grid: pairs.Grid, axis: int, recipe: Recipe) -> list[dict[str, Any]]:
    """One entry for each output channel, or a single one."""
    from onnxruntime.quantization import QuantType

    entry = {"quant_type": QuantType.QInt8, "zero_point": np.int8(0)}
    if not recipe.per_channel:
        return [entry | {"scale": grid.scale[0]}]
    return [entry | {"axis": axis, "scale": scale} for scale in grid.scale]
