"""Rewrite activations that a runtime cannot compute in INT8 into operators that all of them can.

1. hardswish(x) -> (x * (1/6)) * relu6(x + 3). XNNPACK has no INT8 HARD_SWISH: MobileNetV3 falls into 20
   pieces and its INT8 file is slower than its float one. The factor must stand at x: converters put
   x * (relu6(x + 3) * (1/6)) back together as HARD_SWISH.
2. hardsigmoid(x) -> relu6(x + 3) * (1/6). ONNX Runtime has no INT8 HardSigmoid.

The functions stay the same to the last bits of float32; only INT8 files need the rewritten form.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

from ...export.graph import Network, Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.fx import Graph

_Rule: TypeAlias = "Callable[[Graph, Node], Node]"  # the rewritten operator's argument to its new output


def rewrite(graph: Network) -> int:
    """Apply the rules to `graph` in place; the number of operators rewritten."""
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
    """relu6(x + 3), one fused operator in INT8."""
    import torch

    return _append(graph, torch.ops.aten.relu6.default, _append(graph, torch.ops.aten.add.Tensor, x, 3))


def _append(graph: "Graph", operator: Any, *arguments: Any) -> Node:
    """A new node that knows the shape of its value, as traced ones do."""
    from torch.fx.node import map_arg

    node = graph.call_function(operator, arguments)
    node.meta["val"] = operator(*map_arg(arguments, lambda argument: argument.meta["val"]))
    return node


def _changes_what_others_read(node: Node) -> bool:
    """Whether it works in place on a tensor that has other readers, which would no longer see the change."""
    return node.target.__name__.partition(".")[0].endswith("_") and len(node.args[0].users) > 1
