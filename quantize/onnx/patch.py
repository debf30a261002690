"""Put refined weights into an ONNX graph, which saves a second conversion of the network (10 s or more)."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...export.graph import Network, parameter
from ..refine.simulation import is_layer

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_LAYERS = {"Conv", "Gemm"}


def patch(model: "ModelProto", original: Network, refined: Network) -> bool:
    """Change `model`, the graph of `original`, into that of `refined`, which has the same operators.

    Return False and change nothing if a parameter that differs is not in the graph under its name and with
    its value: it was folded or shares its tensor with another, and an equalized network must be patched as a
    whole. Biases of zeros, which the exporter leaves out, are added to their layers.
    """
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    before, after = _parameters(original), _parameters(refined)
    if before.keys() != after.keys():
        return False
    changed = [name for name in after if not np.array_equal(before[name], after[name])]
    places = _without_bias(model, original)
    for name in changed:
        stored = numpy_helper.to_array(tensors[name]) if name in tensors else np.zeros_like(before[name])
        if not (name in tensors or name in places) or not np.array_equal(stored, before[name]):
            return False
    for name in changed:
        if name not in tensors:
            places[name].input.append(name)
            tensors[name] = model.graph.initializer.add()
        tensors[name].CopyFrom(numpy_helper.from_array(after[name], name))
    return True


def _without_bias(model: "ModelProto", network: Network) -> "dict[str, NodeProto]":
    """The layers of `model` without a bias that `network` has, by the name of that bias."""
    biases = {
        str(node.args[1].target): str(node.args[2].target)
        for node in network.graph.nodes
        if node.op == "call_function" and is_layer(node) and len(node.args) > 2
        if getattr(node.args[2], "op", None) == "get_attr"
    }
    return {
        biases[node.input[1]]: node
        for node in model.graph.node
        if node.op_type in _LAYERS and len(node.input) == 2 and node.input[1] in biases
    }


def _parameters(network: Network) -> dict[str, NDArray[Any]]:
    """The parameters that the operators of `network` read, by name."""
    nodes = network.graph.find_nodes(op="get_attr")
    return {
        str(node.target): np.ascontiguousarray(parameter(network, node).detach().numpy()) for node in nodes
    }
