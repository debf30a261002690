"""Which layers of an .onnx file can exceed 16 bits on x86 without VNNI: see `export/pairs.py`."""

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
    from onnx import TensorProto

    constants = {tensor.name: tensor for tensor in graph.initializer}
    types = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    found = []
    for node in graph.node:
        if node.op_type not in _WEIGHT:
            continue
        name = node.input[_WEIGHT[node.op_type]]
        tensor = constants.get(name)
        if tensor is None:
            if types.get(name) == TensorProto.INT8:
                found.append(Overflow(node.name or name, None, None))
        elif tensor.data_type == TensorProto.INT8:
            count, largest = _excess(node, _array(tensor, folder))
            if count:
                found.append(Overflow(_layer(node, name), count, largest))
    return tuple(found)


def _excess(node: "NodeProto", weight: NDArray[Any]) -> tuple[int, int]:
    """The pairs that can exceed 16 bits, and the largest sum."""
    values = {attribute.name: attribute.i for attribute in node.attribute}
    if "Conv" in node.op_type:
        depthwise = pairs.is_depthwise(weight.shape, values.get("group", 1))
        return (0, 0) if depthwise else pairs.excess(weight)
    if not values.get("transB"):
        weight = np.swapaxes(weight, -1, -2)  # (..., K, N)
    return pairs.excess(weight.reshape(-1, weight.shape[-1]))


def _layer(node: "NodeProto", weight: str) -> str:
    """The module's name in files of edgewise, such as 'features.1.conv.0'; otherwise that of the operator."""
    module = weight.removesuffix("_quantized")
    return module.removesuffix(".weight") if module.endswith(".weight") else node.name or weight


def _array(tensor: "TensorProto", folder: Path) -> NDArray[Any]:
    from onnx import numpy_helper

    return np.asarray(numpy_helper.to_array(tensor, str(folder)))
