"""Rewrite activations that some runtime cannot compute in INT8 into operators that all runtimes can.

1. hardswish(x) -> (x * (1/6)) * relu6(x + 3). XNNPACK has no INT8 HARD_SWISH: it splits MobileNetV3 into
   20 partitions, and the INT8 file is slower than the float one. The factor must be applied to x: converters
   fuse x * (relu6(x + 3) * (1/6)) back into HARD_SWISH.
2. hardsigmoid(x) -> relu6(x + 3) * (1/6). ONNX Runtime has no INT8 HardSigmoid.

The functions are the same up to float32 rounding; only INT8 files need the rewritten form.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

from ...export.graph import Network, Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.fx import Graph

_Rule: TypeAlias = "Callable[[Graph, Node], Node]"  # maps an operator's argument to its new output


def rewrite(graph: Network) -> int:
    """Apply the rules to `graph` in place; return the number of rewritten operators."""
    rules, count = _rules(), 0
    for node in list(graph.graph.nodes):
        if node.target not in rules or _changes_what_others_read(node):
            continue
        with graph.graph.inserting_before(node):
            node.replace_all_uses_with(rules[node.target](graph.graph, node.args[0]))
        graph.graph.erase_node(node)
        count += 1
    graph.recompile()
    return count


def _rules() -> dict[Any, _Rule]:
    import torch

    aten = torch.ops.aten
    return {
        aten.hardswish.default: _hardswish,
        aten.hardswish_.default: _hardswish,
        aten.hardsigmoid.default: _hardsigmoid,
        aten.hardsigmoid_.default: _hardsigmoid,
    }


def _hardswish(graph: "Graph", x: Node) -> Node:
    import torch

    multiply = torch.ops.aten.mul.Tensor
    return _append(graph, multiply, _append(graph, multiply, x, 1 / 6), _gate(graph, x))


def _hardsigmoid(graph: "Graph", x: Node) -> Node:
    import torch

    return _append(graph, torch.ops.aten.mul.Tensor, _gate(graph, x), 1 / 6)


def _gate(graph: "Graph", x: Node) -> Node:
    """relu6(x + 3), a single fused operator in INT8."""
    import torch

    return _append(graph, torch.ops.aten.relu6.default, _append(graph, torch.ops.aten.add.Tensor, x, 3))


def _append(graph: "Graph", operator: Any, *arguments: Any) -> Node:
    """A new node with the shape of its value in `meta`, like traced nodes."""
    from torch.fx.node import map_arg

    node = graph.call_function(operator, arguments)
    node.meta["val"] = operator(*map_arg(arguments, lambda argument: argument.meta["val"]))
    return node


def _changes_what_others_read(node: Node) -> bool:
    """Whether `node` changes a tensor in place that has other readers, which would miss the change."""
    return node.target.__name__.partition(".")[0].endswith("_") and len(node.args[0].users) > 1
