"""Operators that a converter lacks, replaced by others that compute the same and that all of them have.

1. adaptive_max_pool2d: litert-torch has no lowering. It is max_pool2d where the size is a multiple of the
   output's; otherwise the maximum of each window.
2. pad in mode 'circular': OpenVINO's ONNX frontend cannot read it. It is the picture between its own borders.
   pad with -inf before maximum pooling, as timm's "same" pooling has it: INT8 has no infinity. The border
   itself is never larger than the maximum of a window that reaches beyond it, so it is repeated instead.
3. conv_transpose2d with output padding: litert-torch cannot legalize it. It is the same without any padding,
   cut to the size that the padding leaves.
4. avg_pool2d that does not count its padding: ai-edge-quantizer cannot quantize what litert-torch makes of
   it. It is the pooling that does, times a constant.
5. avg_pool3d over channels, of local response normalization: the same. It is a sum of slices.
6. Resizing with antialias: litert-torch has no lowering, and OpenVINO computes something else (a relative
   1e-2). For fixed sizes it is a product with a constant matrix on each side.
7. expand_as before arithmetic, as in `normalize`: litert-torch, which moves channels last, expands the wrong
   axis (a relative 1e-1). Arithmetic expands by itself.
8. rrelu: no converter has it. In evaluation it is leaky_relu.
9. view and reshape of transposed values, as behind attention: PyTorch's ONNX exporter decomposes attention
   into operators that write in another order, which cannot be viewed so. A copy can.
10. scaled_dot_product_attention of other than four dimensions: PyTorch's ONNX exporter has it for four alone.
"""

import math
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from torch.fx import GraphModule

_Node: TypeAlias = Any  # torch.fx.Node; its arguments are typed as a union of everything possible
_Rule: TypeAlias = "Callable[[_Append, _Node], _Node | None]"  # the new output, None to leave it as it is


class _Append:
    """Appends operators to a graph, with the shapes of their values in `meta`, like traced nodes."""

    def __init__(self, module: "GraphModule") -> None:
        self._module, self._graph = module, module.graph

    def constant(self, value: "Tensor", like: _Node) -> _Node:
        """A new constant of the network, with a stand-in for its value as `like` has one."""
        name = next(name for number in count() if not hasattr(self._module, name := f"decomposed_{number}"))
        self._module.register_buffer(name, value)
        node = self._graph.get_attr(name)
        node.meta["val"] = like.meta["val"].fake_mode.from_tensor(value)
        return node

    def __call__(self, operator: Any, *arguments: Any, **named: Any) -> _Node:
        from torch.fx.node import map_arg

        node = self._graph.call_function(operator, arguments, named)
        node.meta["val"] = operator(*map_arg(arguments, lambda argument: argument.meta["val"]), **named)
        return node


def decompose(module: "GraphModule") -> None:
    """Replace such operators of `module` in place."""
    rules = _rules()
    for node in list(module.graph.nodes):
        rule = rules.get(node.target) if node.op == "call_function" else None
        if rule is None:
            continue
        with module.graph.inserting_before(node):
            replacement = rule(_Append(module), node)
        if replacement is not None:
            node.replace_all_uses_with(replacement)
            module.graph.erase_node(node)  # dead code that draws random numbers would be kept
    module.graph.eliminate_dead_code()
    module.recompile()


def _rules() -> dict[Any, _Rule]:
    import operator

    import torch

    aten = torch.ops.aten
    return {
        operator.getitem: _adaptive_max_pool,
        aten.pad.default: _pad,
        aten.conv_transpose2d.input: _conv_transpose,
        aten.avg_pool2d.default: _average_without_padding,
        aten.avg_pool3d.default: _average_of_channels,
        aten._upsample_bilinear2d_aa.vec: _resize,  # noqa: SLF001 - its only name
        aten._upsample_bicubic2d_aa.vec: _resize,  # noqa: SLF001
        aten.expand_as.default: _broadcast,
        aten.rrelu.default: _leaky,
        aten.view.default: _copied_view,
        aten.reshape.default: _copied_view,
        aten.scaled_dot_product_attention.default: _attention,
    }


def _adaptive_max_pool(append: _Append, node: _Node) -> _Node | None:
    """The values of adaptive_max_pool2d; its indices, which no classifier reads, stay as they are."""
    import torch

    aten = torch.ops.aten
    pool, index = node.args
    if pool.target != aten.adaptive_max_pool2d.default or index != 0:
        return None
    x, outputs = pool.args
    sizes = _shape(x)[-2:]
    if all(size % number == 0 for size, number in zip(sizes, outputs, strict=True)):
        steps = [size // number for size, number in zip(sizes, outputs, strict=True)]
        return append(aten.max_pool2d.default, x, steps, steps)
    for dim, number in zip((-2, -1), outputs, strict=True):
        windows = [append(aten.slice.Tensor, x, dim, *window) for window in _windows(_shape(x)[dim], number)]
        x = append(aten.cat.default, [append(aten.amax.default, part, [dim], True) for part in windows], dim)
    return x


def _windows(size: int, outputs: int) -> list[tuple[int, int]]:
    """Where adaptive pooling of `size` values to so many outputs begins and ends each window."""
    return [(place * size // outputs, -(-(place + 1) * size // outputs)) for place in range(outputs)]


def _pad(append: _Append, node: _Node) -> _Node | None:
    import torch

    aten = torch.ops.aten
    x, pads, *rest = node.args
    defaults: list[Any] = ["constant", None]
    given: list[Any] = [*rest, *defaults[len(rest) :]]
    mode, value = given
    if min(pads) < 0:
        return None
    if mode == "circular":
        windows = _circular
    elif mode == "constant" and value == -math.inf and _is_only_pooled(node):
        windows = _repeated
    else:
        return None
    for place in range(0, len(pads), 2):
        dim = -1 - place // 2
        found = [
            window for window in windows(_shape(x)[dim], *pads[place : place + 2]) if window[0] < window[1]
        ]
        if len(found) > 1:
            x = append(
                aten.cat.default, [append(aten.slice.Tensor, x, dim, *window) for window in found], dim
            )
    return x


def _circular(size: int, before: int, behind: int) -> list[tuple[int, int]]:
    return [(size - before, size), (0, size), (0, behind)]


def _repeated(size: int, before: int, behind: int) -> list[tuple[int, int]]:
    return [*[(0, 1)] * before, (0, size), *[(size - 1, size)] * behind]


def _is_only_pooled(node: _Node) -> bool:
    import torch

    return all(user.target == torch.ops.aten.max_pool2d.default for user in node.users)


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


def _average_without_padding(append: _Append, node: _Node) -> _Node | None:
    import torch

    aten = torch.ops.aten
    x, kernel, *rest = node.args
    given: list[Any] = [*rest, *[[], [0, 0], False, True, None][len(rest) :]]
    stride, padding, ceil_mode, counted, divisor = given
    if counted or divisor is not None or ceil_mode or not any(padding):
        return None
    ones = torch.ones(1, 1, *_shape(x)[-2:])
    options = (kernel, stride, padding, False, True)
    share = aten.avg_pool2d.default(ones, *options)
    return append(
        aten.mul.Tensor, append(aten.avg_pool2d.default, x, *options), append.constant(1 / share, x)
    )


def _average_of_channels(append: _Append, node: _Node) -> _Node | None:
    import torch

    aten = torch.ops.aten
    x, kernel, *rest = node.args
    stride = rest[0] if rest else kernel
    if rest[1:] or [*kernel[1:]] != [1, 1] or [*stride] != [1, 1, 1]:
        return None
    channels = _shape(x)[2] - kernel[0] + 1
    slices = [append(aten.slice.Tensor, x, 2, start, start + channels) for start in range(kernel[0])]
    total = slices[0]
    for other in slices[1:]:
        total = append(aten.add.Tensor, total, other)
    return append(aten.mul.Tensor, total, 1 / kernel[0])


def _resize(append: _Append, node: _Node) -> _Node | None:
    import torch

    x, size, corners, factors = node.args
    if size is None or factors is not None:
        return None
    for dim, length in zip((-2, -1), size, strict=True):
        # Each column of the unit matrix is resized to what one pixel gives to all others.
        whole = _shape(x)[dim]
        unit = torch.eye(whole)[None, None]
        matrix = node.target(unit, [length, whole], corners, None)[0, 0]
        x = _product(append, matrix, x, dim)
    return x


def _product(append: _Append, matrix: "Tensor", x: _Node, dim: int) -> _Node:
    """The matrix is always the second factor, which TFLite's quantizer takes for a weight."""
    import torch

    aten = torch.ops.aten
    if dim == -2:
        x = append(aten.transpose.int, x, -1, -2)
    x = append(aten.matmul.default, x, append.constant(matrix.T.contiguous(), x))
    return append(aten.transpose.int, x, -1, -2) if dim == -2 else x


def _broadcast(append: _Append, node: _Node) -> _Node | None:
    del append
    aten = _elementwise()
    alike = all(user.target in aten and len(user.args) == 2 for user in node.users)
    other = node.args[1]
    # The other argument must have the full shape itself.
    return node.args[0] if alike and all(other in user.args for user in node.users) else None


def _elementwise() -> set[Any]:
    import torch

    aten = torch.ops.aten
    return {aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor}


def _copied_view(append: _Append, node: _Node) -> _Node | None:
    import torch

    aten = torch.ops.aten
    x, shape = node.args
    if x.target not in {aten.transpose.int, aten.permute.default}:
        return None
    copy = append(aten.clone.default, x, memory_format=torch.contiguous_format)
    return append(aten.view.default, copy, shape)


def _attention(append: _Append, node: _Node) -> _Node | None:
    """In four dimensions: those before the heads become one, and three get a single head.

    A mask that is not the same for all of them is left as it is.
    """
    import torch

    aten = torch.ops.aten
    *values, mask = (*node.args, None)[:4]
    rank = len(_shape(node))
    if rank == 4 or (mask is not None and len(_shape(mask)) > 2):
        return None
    shapes = [[-1, 1, *_shape(value)[1:]] if rank == 3 else [-1, *_shape(value)[-3:]] for value in values]
    flat = [append(aten.reshape.default, value, shape) for value, shape in zip(values, shapes, strict=True)]
    seen = append(node.target, *flat, *node.args[3:], **node.kwargs)
    return append(aten.reshape.default, seen, [-1, *_shape(node)[1:]])


def _leaky(append: _Append, node: _Node) -> _Node | None:
    import torch

    x, *rest = node.args
    given: list[Any] = [*rest, *[1 / 8, 1 / 3, False][len(rest) :]]
    lower, upper, training = given[:3]
    return None if training else append(torch.ops.aten.leaky_relu.default, x, (lower + upper) / 2)


def _pair(value: "Sequence[int]") -> list[int]:
    return [*value] * (2 // len(value))


def _shape(node: _Node) -> "Sequence[int]":
    value: Tensor = node.meta["val"]
    return value.shape
