"""Keep layers in float in an INT8 graph, and prevent ONNX Runtime from quantizing them at load time."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ...export.onnx.graph import groups_of, keep
from ...models.errors import EdgewiseError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

_DEQUANTIZE = "DequantizeLinear"
_REQUANTIZED = {"Conv", "ConvTranspose", "Gemm"}
_LAYERS = {*_REQUANTIZED, "MatMul"}


def nodes_of(model: "ModelProto", names: Iterable[str]) -> list[str]:
    """The names of the nodes for the modules `names`: those with the weight 'MODULE.weight'.

    Raises:
        EdgewiseError: there is no such layer.
    """
    layers = {
        node.input[1].removesuffix(".weight"): node.name
        for node in model.graph.node
        if node.op_type in _LAYERS and node.input[1].endswith(".weight")
    }
    if unknown := [name for name in names if name not in layers]:
        raise EdgewiseError(
            f"{unknown[0]!r} cannot stay in float: the ONNX file has no layer of this name; "
            f"its {len(layers)} layers are {', '.join(layers)}"
        )
    return [layers[name] for name in names]


def unsupported(model: "ModelProto") -> list[str]:
    """The names of the nodes on which ONNX Runtime's quantizer fails.

    These are transposed convolutions with groups, for which it mistakes the axis of output channels, and
    layer norms over several axes, whose scale it takes for a vector.
    """
    sizes = {tensor.name: len(tensor.dims) for tensor in model.graph.initializer}
    return [
        node.name
        for node in model.graph.node
        if (node.op_type == "ConvTranspose" and groups_of(node) > 1)
        or (node.op_type == "LayerNormalization" and sizes.get(node.input[1], 1) > 1)
    ]


def isolate(model: "ModelProto", names: Iterable[str]) -> None:
    """Give each of the nodes `names` its own DequantizeLinear with one scale per channel.

    On loading a file, ONNX Runtime quantizes the float weights of a convolution or Gemm per tensor if its
    input comes from a DequantizeLinear with a single scale (its WeightBiasQuantization pass). Equal scales
    for all channels mean the same but are left alone: MobileNetV2 with features.1.conv.1 and
    features.2.conv.1.0 in float then has a cosine of 0.996 to the float logits, and 0.986 otherwise.
    """
    import onnx

    graph, wanted = model.graph, set(names)
    makers = {node.output[0]: node for node in graph.node if node.op_type == _DEQUANTIZE}
    shapes = {
        value.name: value.type.tensor_type.shape
        for value in onnx.shape_inference.infer_shapes(model).graph.value_info
    }
    nodes: list[NodeProto] = []
    for node in graph.node:
        source = node.input[0]
        if node.name in wanted and node.op_type in _REQUANTIZED and source in makers:
            node.input[0] = f"{node.name}_input"
            nodes.append(_per_channel(graph, makers[source], node.input[0], shapes[source].dim[1].dim_value))
        nodes.append(node)
    keep(graph.node, nodes)


def _per_channel(graph: "GraphProto", single: "NodeProto", output: str, channels: int) -> "NodeProto":
    """The same node as `single`, with its scale and zero point repeated for each of `channels`."""
    from onnx import helper, numpy_helper

    constants = {tensor.name: tensor for tensor in graph.initializer}
    quantized, *scalars = single.input
    vectors = [f"{output}_{kind}" for kind in ("scale", "zero_point")]
    for scalar, vector in zip(scalars, vectors, strict=True):
        value = np.full(channels, numpy_helper.to_array(constants[scalar]))
        graph.initializer.append(numpy_helper.from_array(value, vector))
    return helper.make_node(_DEQUANTIZE, [quantized, *vectors], [output], f"{output}_{_DEQUANTIZE}", axis=1)
