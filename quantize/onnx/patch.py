"""Put refined weights into an ONNX graph, which saves a second conversion of the network (10 s or more)."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...export.graph import Network, parameter

if TYPE_CHECKING:
    from onnx import ModelProto


def patch(model: "ModelProto", original: Network, refined: Network) -> bool:
    """Change `model`, the graph of `original`, into that of `refined`, which has the same operators.

    Return False and change nothing if a parameter is not in the graph under its name and with its value: it
    was folded or shares its tensor with another, and an equalized network must be patched as a whole.
    """
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    before, after = _parameters(original), _parameters(refined)
    if before.keys() != after.keys() or not before.keys() <= tensors.keys():
        return False
    if not all(np.array_equal(numpy_helper.to_array(tensors[name]), before[name]) for name in before):
        return False
    for name, value in after.items():
        tensors[name].CopyFrom(numpy_helper.from_array(value, name))
    return True


def _parameters(network: Network) -> dict[str, NDArray[Any]]:
    """The parameters that the operators of `network` read, by name."""
    nodes = network.graph.find_nodes(op="get_attr")
    return {
        str(node.target): np.ascontiguousarray(parameter(network, node).detach().numpy()) for node in nodes
    }
