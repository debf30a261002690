"""Fold weights that depend on parameters alone, so that every layer's weight is a parameter with a name.

Weight standardization, weight and spectral normalization and `torch.nn.utils.parametrize` compute a weight
again for each picture. The result is always the same, and rewrites, equalization, bias correction and
patching need to know and to change it.
"""

from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from ..models.captured import operator_name

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import GraphModule

_Node: TypeAlias = Any  # torch.fx.Node

_LAYERS = ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear")
_PARTS = {1: "weight", 2: "bias"}


def fold_weights(graph: "GraphModule") -> None:
    """Make the computed weights and biases of layers parameters, in place.

    A weight that depends on the picture, as in CondConv, stays as it is.
    """
    constant = _constant(graph)
    found: dict[_Node, str] = {}
    for layer in graph.graph.nodes:
        if layer.op == "call_function" and operator_name(layer) in _LAYERS:
            for index, part in _PARTS.items():
                node = layer.args[index] if len(layer.args) > index else None
                if node is not None and node in constant and node.op == "call_function":
                    found.setdefault(node, part)
    if not found:
        return
    known: dict[_Node, Any] = {}
    values = {node: _value(graph, node, known).detach().clone().contiguous() for node in found}
    others = [node for node in graph.graph.nodes if node.op == "get_attr"]
    taken = {node.target for node in others if not constant.issuperset(node.users)}
    taken.update(name for name, _ in graph.named_modules())
    for node, part in found.items():
        name = _free(_owner(node), part, taken)
        taken.add(name)
        _replace(graph, node, name, values[node])
    graph.graph.eliminate_dead_code()
    graph.recompile()


def _constant(graph: "GraphModule") -> set[_Node]:
    """The nodes that no input reaches, and that neither change a tensor nor draw random numbers."""
    import torch

    constant: set[_Node] = set()
    for node in graph.graph.nodes:
        if node.op == "get_attr":
            constant.add(node)
        elif node.op == "call_function" and constant.issuperset(node.all_input_nodes):
            schema = getattr(node.target, "_schema", None)  # Python's own operators have none
            random = torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
            if not random and (schema is None or not schema.is_mutable):
                constant.add(node)
    return constant


def _value(graph: "GraphModule", node: _Node, known: dict[_Node, Any]) -> Any:
    """What a constant node computes; `known` keeps the values of all nodes on the way."""
    from torch.fx.node import map_arg

    if node.op == "get_attr":
        return attrgetter(str(node.target))(graph)
    if node not in known:
        sources = map_arg((node.args, node.kwargs), lambda source: _value(graph, source, known))
        known[node] = node.target(*sources[0], **sources[1])
    return known[node]


def _owner(node: _Node) -> str:
    """The module whose parameter the weight is computed from; empty where there is none."""
    while node.op != "get_attr":
        if not node.all_input_nodes:
            return ""
        node = node.all_input_nodes[0]
    owner, parametrized, _ = str(node.target).partition(".parametrizations.")
    return owner if parametrized else owner.rpartition(".")[0]


def _free(owner: str, part: str, taken: set[str]) -> str:
    name = f"{owner}.{part}" if owner else part
    while name in taken:
        name = f"{name}_folded"
    return name


def _replace(graph: "GraphModule", node: _Node, name: str, value: "Tensor") -> None:
    from torch import nn

    owner, _, own = name.rpartition(".")
    module = graph.get_submodule(owner)
    if hasattr(module, own):
        delattr(module, own)
    module.register_parameter(own, nn.Parameter(value, requires_grad=False))
    with graph.graph.inserting_before(node):
        folded = graph.graph.get_attr(name)
    folded.meta.update(node.meta)
    node.replace_all_uses_with(folded)
