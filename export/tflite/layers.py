"""Find a network's layers in its .tflite file by their weights: converters do not keep the names.

The file contains the bytes of a layer's folded weight, in TFLite's layout, unchanged.
"""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Network, Node, parameter

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, OperatorT
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution or linear layer: the module's name, and its weight and bias as stored in the file."""

    name: str
    weight: bytes
    bias: bytes


def layers(network: Network) -> list[Layer]:
    """The convolutions and linear layers of `network` whose weights are parameters, in graph order."""
    import torch

    found = []
    node: Node
    for node in network.graph.nodes:
        if node.target in (torch.ops.aten.conv2d.default, torch.ops.aten.linear.default):
            weight, bias = node.args[1], node.args[2] if len(node.args) > 2 else None
            if weight.op != "get_attr" or (bias is not None and bias.op != "get_attr"):
                continue  # they depend on the picture
            name = str(weight.target).removesuffix(".weight")
            values = parameter(network, weight)
            shift = values.new_zeros(len(values)) if bias is None else parameter(network, bias)
            found.append(Layer(name, _in_tflite_layout(values), _bytes(shift)))
    return found


def operators(model: "ModelT", wanted: list[Layer]) -> dict[str, "OperatorT"]:
    """The operators of `model` by layer name; layers that are missing or not unique are left out."""
    graph = model.subgraphs[0]
    names = {layer.weight: layer.name for layer in wanted}
    twins = {weight for weight, count in Counter(layer.weight for layer in wanted).items() if count > 1}
    places: dict[str, list[OperatorT]] = {}
    for operator in graph.operators:
        if len(operator.inputs) != 3:
            continue
        data = model.buffers[graph.tensors[operator.inputs[1]].buffer].data
        weight = b"" if data is None else bytes(data)
        if weight in names and weight not in twins:
            places.setdefault(names[weight], []).append(operator)
    return {name: operators[0] for name, operators in places.items() if len(operators) == 1}


def name_outputs(model: "ModelT", wanted: list[Layer]) -> None:
    """Name output tensors after their modules, or else after operator and position, for readability."""
    from ai_edge_litert.tools.flatbuffer_utils import opcode_to_name

    graph = model.subgraphs[0]
    modules = {operator.outputs[0]: name for name, operator in operators(model, wanted).items()}
    for place, operator in enumerate(graph.operators):
        index = operator.outputs[0]
        if index not in graph.outputs:
            plain = f"{opcode_to_name(model, operator.opcodeIndex)}_{place}".lower()
            graph.tensors[index].name = modules.get(index, plain).encode()


def _in_tflite_layout(weight: "Tensor") -> bytes:
    """OIHW to OHWI, depthwise (C, 1, H, W) to (1, H, W, C); linear (O, I) unchanged."""
    if weight.dim() == 4:
        weight = weight.permute((1, 2, 3, 0) if weight.shape[1] == 1 else (0, 2, 3, 1))
    return _bytes(weight)


def _bytes(tensor: "Tensor") -> bytes:
    return np.ascontiguousarray(tensor.detach().numpy(), "<f4").tobytes()
