"""Which layers of an .onnx file can exceed 16 bits on x86 without VNNI: see `export/pairs.py`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...export import pairs
from ..structure import Overflow

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

# The integer operators of the graph that ONNX Runtime runs, and where their weight is among the inputs.
_WEIGHT = {
    "QLinearConv": 3,
    "ConvInteger": 1,
    "QGemm": 3,
    "QLinearMatMul": 3,
    "MatMulInteger": 1,
    "MatMulIntegerToFloat": 1,
    "DynamicQuantizeMatMul": 1,
}


def overflow(graph: "GraphProto", folder: Path) -> tuple[Overflow, ...]:
    """The layers of `graph`, the optimised one, that can exceed 16 bits; `folder` has its external data.

    Unsigned weights are left out, because ONNX Runtime adds their products in 32 bits.
    """
    found = []
    for _, name, steps in integer_layers(graph, folder):
        count, largest = (None, None) if steps is None else pairs.excess(steps)
        if count != 0:
            found.append(Overflow(name, count, largest))
    return tuple(found)


def integer_layers(
    graph: "GraphProto", folder: Path
) -> Iterator[tuple["NodeProto", str, NDArray[np.int8] | None]]:
    """The layers with signed weights, without depthwise ones: the operator, its name, and (O, I, ...).

    Weights that are computed while the model runs are None.
    """
    from onnx import TensorProto

    constants = {tensor.name: tensor for tensor in graph.initializer}
    types = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    for node in graph.node:
        source = node.input[_WEIGHT[node.op_type]] if node.op_type in _WEIGHT else ""
        tensor = constants.get(source)
        if tensor is None:
            if source and types.get(source) == TensorProto.INT8:
                yield node, node.name or source, None
        elif tensor.data_type == TensorProto.INT8:
            steps, values = _array(tensor, folder), {entry.name: entry.i for entry in node.attribute}
            if "Conv" not in node.op_type:
                rows = steps if values.get("transB") else np.swapaxes(steps, -1, -2)  # (..., K, N)
                yield node, _layer(node, source), rows.reshape(-1, rows.shape[-1])
            elif not pairs.is_depthwise(steps.shape, values.get("group", 1)):
                yield node, _layer(node, source), steps


def _layer(node: "NodeProto", weight: str) -> str:
    """The module's name in files of edgewise, such as 'features.1.conv.0'; otherwise that of the operator."""
    module = weight.removesuffix("_quantized")
    return module.removesuffix(".weight") if module.endswith(".weight") else node.name or weight


def _array(tensor: "TensorProto", folder: Path) -> NDArray[Any]:
    from onnx import numpy_helper

    return np.asarray(numpy_helper.to_array(tensor, str(folder)))
