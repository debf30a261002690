"""Operators that a converter lacks, replaced by others that compute the same and that all of them have.

1. adaptive_max_pool2d: litert-torch has no lowering. It is max_pool2d where the size is a multiple of the
   output's; otherwise the maximum of each window.
2. pad in mode 'circular': OpenVINO's ONNX frontend cannot read it. It is the picture between its own borders.
3. conv_transpose2d with output padding: litert-torch cannot legalize it. It is the same without any padding,
   cut to the size that the padding leaves.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from torch.fx import Graph, GraphModule

_Node: TypeAlias = Any  # torch.fx.Node; its arguments are typed as a union of everything possible
_Rule: TypeAlias = "Callable[[_Append, _Node], _Node | None]"  # the new output, None to leave it as it is


class _Append:
    """Appends operators to a graph, with the shapes of their values in `meta`, like traced nodes."""

    def __init__(self, graph: "Graph") -> None:
        self._graph = graph

    def __call__(self, operator: Any, *arguments: Any) -> _Node:
        from torch.fx.node import map_arg

        node = self._graph.call_function(operator, arguments)
        node.meta["val"] = operator(*map_arg(arguments, lambda argument: argument.meta["val"]))
        return node


def decompose(module: "GraphModule") -> None:
    """Replace such operators of `module` in place."""
    rules = _rules()
    for node in list(module.graph.nodes):
        rule = rules.get(node.target) if node.op == "call_function" else None
        if rule is None:
            continue
        with module.graph.inserting_before(node):
            replacement = rule(_Append(module.graph), node)
        if replacement is not None:
            node.replace_all_uses_with(replacement)
    module.graph.eliminate_dead_code()
    module.recompile()


def _rules() -> dict[Any, _Rule]:
    import operator

    import torch

    aten = torch.ops.aten
    return {
        operator.getitem: _adaptive_max_pool,
        aten.pad.default: _circular_pad,
        aten.conv_transpose2d.input: _conv_transpose,
    }


def _adaptive_max_pool(append: _Append, node: _Node) -> _Node | None:
    """The values of adaptive_max_pool2d; its indices, which no classifier reads, stay as they are."""
    import torch

    aten = torch.ops.aten
    pool, index = node.args
    if pool.target != aten.adaptive_max_pool2d.default or index != 0:
        return None
    x, counts = pool.args
    sizes = _shape(x)[-2:]
    if all(size % count == 0 for size, count in zip(sizes, counts, strict=True)):
        steps = [size // count for size, count in zip(sizes, counts, strict=True)]
        return append(aten.max_pool2d.default, x, steps, steps)
    for dim, count in zip((-2, -1), counts, strict=True):
        windows = [append(aten.slice.Tensor, x, dim, *window) for window in _windows(_shape(x)[dim], count)]
        x = append(aten.cat.default, [append(aten.amax.default, part, [dim], True) for part in windows], dim)
    return x


def _windows(size: int, count: int) -> list[tuple[int, int]]:
    """Where adaptive pooling of `size` values to `count` begins and ends each window."""
    return [(place * size // count, -(-(place + 1) * size // count)) for place in range(count)]


def _circular_pad(append: _Append, node: _Node) -> _Node | None:
    import torch

    aten = torch.ops.aten
    x, pads, mode = (*node.args, "constant")[:3]
    if mode != "circular":
        return None
    for place in range(0, len(pads), 2):
        dim, size = -1 - place // 2, _shape(x)[-1 - place // 2]
        before, behind = pads[place : place + 2]
        if min(before, behind) < 0:
            return None
        parts = [
            *([append(aten.slice.Tensor, x, dim, size - before, size)] if before else []),
            x,
            *([append(aten.slice.Tensor, x, dim, 0, behind)] if behind else []),
        ]
        x = append(aten.cat.default, parts, dim)
    return x


def _conv_transpose(append: _Append, node: _Node) -> _Node | None:
    import torch

    aten = torch.ops.aten
    defaults = [None, [1, 1], [0, 0], [0, 0], 1, [1, 1]]
    x, weight, *rest = node.args
    given: list[Any] = [*rest, *defaults[len(rest) :]]
    bias, stride, padding, extra, groups, dilation = given
    padding, extra = _pair(padding), _pair(extra)
    if not any(extra) or any(more > less for more, less in zip(extra, padding, strict=True)):
        return None
    sizes = _shape(node)[-2:]
    whole = append(aten.conv_transpose2d.input, x, weight, bias, stride, [0, 0], [0, 0], groups, dilation)
    for dim, start, size in zip((-2, -1), padding, sizes, strict=True):
        whole = append(aten.slice.Tensor, whole, dim, start, start + size)
    return whole


def _pair(value: "Sequence[int]") -> list[int]:
    return [*value] * (2 // len(value))


def _shape(node: _Node) -> "Sequence[int]":
    value: Tensor = node.meta["val"]
    return value.shape
