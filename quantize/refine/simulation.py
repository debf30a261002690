"""Simulate INT8 arithmetic in PyTorch: a float and a quantized signal run through the network together.

Activations are rounded per tensor to 256 steps between given bounds, or between their minimum and maximum in
the float network; weights symmetrically, per output channel or per tensor. A result is rounded where a
runtime writes it as an INT8 tensor: not between an operator and the activation fused with it, and not where
values are only moved (arXiv 1712.05877 section 3).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ...export import pairs
from ...export.graph import Network, Node
from ...models.captured import operator_name
from ..calibration import Calibration
from ..measured import Range, bounds
from ..recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

PICTURES = 16  # enough for channel means: 32 and 48 gave the same MobileNetV2 within noise
_LEVELS = 255
_FUSABLE = {"conv2d", "linear", "add", "add_"}  # runtimes fuse these with the activation that follows
_ACTIVATIONS = {"relu", "relu_", "relu6", "relu6_", "hardtanh", "hardtanh_", "clamp", "clamp_"}
_SAME_VALUES = {  # these do not round again
    "chunk",
    "clone",
    "contiguous",
    "dropout",
    "dropout_",
    "flatten",
    "getitem",
    "max_pool2d",
    "permute",
    "reshape",
    "slice",
    "split",
    "squeeze",
    "transpose",
    "unsqueeze",
    "view",
}

Arguments: TypeAlias = "tuple[tuple[Any, ...], dict[str, Any]]"  # positional and named, of one operator


Ranges: TypeAlias = Mapping[Node, tuple[float, float]]  # the bounds between which an output is rounded


class Signal(NamedTuple):
    """An operator's output in the float network and in the quantized one."""

    float: Any
    quantized: Any


Visit: TypeAlias = Callable[[Node, Arguments, Arguments, Signal], Signal]


def sample(calibration: Calibration, count: int = PICTURES) -> "Tensor":
    """The first `count` pictures of `calibration` as network input: (N, C, H, W), stored channels last."""
    import torch

    return torch.from_numpy(calibration.batch(count)).permute(0, 3, 1, 2)


def others(calibration: Calibration, count: int) -> "Tensor":
    """As many as `sample` gives of the pictures behind the first `count`, or fewer, in the same form."""
    import torch

    pixels = calibration.pixels[count:][:PICTURES]
    return torch.from_numpy(calibration.preprocess.normalise(pixels)).permute(0, 3, 1, 2)


def planes(calibration: Calibration) -> "Iterator[Tensor]":
    """Each picture of `calibration` as network input: (1, C, H, W), stored channels last."""
    import torch

    for picture in calibration.inputs():
        yield torch.from_numpy(picture).permute(0, 3, 1, 2)


def simulate(  # noqa: PLR0913 - each is one independent choice
    graph: Network,
    batch: "Tensor",
    recipe: Recipe,
    visit: Visit | None = None,
    *,
    weights: bool = True,
    ranges: Ranges | None = None,
) -> Signal:
    """The logits (N, classes) of `batch` (N, C, H, W) in float and as `recipe` quantizes `graph`.

    Without `weights` only activations are rounded. Nodes in `ranges` are rounded between the bounds given
    there, the others of `rounded_nodes` between those of `batch`. `visit` is called with each layer, its
    float and quantized arguments, and its output before activation and rounding; the network continues with
    the signal that it returns.
    """
    from torch.fx import Interpreter
    from torch.fx.node import map_arg

    given = ranges or {}

    class Pair(Interpreter):
        """Every value is a `Signal`, which fx frees after its last use."""

        def run_node(self, n: Node) -> Any:
            if n.op == "placeholder":
                value = super().run_node(n)
                signal = Signal(value, value)
                return self._written(n, signal) if recipe.activations else signal
            if n.op == "get_attr":
                return Signal(*[super().run_node(n)] * 2)
            if n.op != "call_function":
                return super().run_node(n)
            exact, rounded = self._arguments(n, 0), self._arguments(n, 1)
            if is_layer(n):
                signal = Signal(
                    _run(n, exact), run_layer(n, rounded, recipe) if weights else _run(n, rounded)
                )
                signal = visit(n, exact, rounded, signal) if visit else signal
            else:
                signal = Signal(_run(n, exact), _run(n, rounded))
            return self._written(n, signal) if _is_rounded(n, recipe) else signal

        def _written(self, n: Node, signal: Signal) -> Signal:
            if n in given:
                return Signal(signal.float, round_between(signal.quantized, *given[n]))
            return Signal(signal.float, round_activation(signal.quantized, signal.float))

        def _arguments(self, n: Node, part: int) -> Arguments:
            return map_arg((n.args, n.kwargs), lambda node: self.env[node][part])

    return Pair(graph).run(batch)  # type: ignore[no-any-return]


def rounded_nodes(graph: Network, recipe: Recipe) -> list[Node]:
    """The input and the operators whose outputs a runtime writes as INT8 tensors, in the order of `graph`."""
    return [
        node
        for node in graph.graph.nodes
        if (node.op == "placeholder" and recipe.activations)
        or (node.op == "call_function" and _is_rounded(node, recipe))
    ]


def is_values(value: Any) -> bool:
    """Whether an operator's output is a tensor that INT8 would round, not of integers and not several."""
    import torch

    return isinstance(value, torch.Tensor) and value.is_floating_point()


def only_moves(node: Node) -> bool:
    """Whether it is an operator whose values are all of its first argument's."""
    return node.op == "call_function" and operator_name(node) in _SAME_VALUES


def is_layer(node: Node) -> bool:
    """Whether it is a convolution or linear layer whose weight is a parameter."""
    return operator_name(node) in ("conv2d", "linear") and node.args[1].op == "get_attr"


def layer_name(node: Node) -> str:
    """The name of a layer's module: 'features.1.conv.0'."""
    return str(node.args[1].target).removesuffix(".weight")


def is_float(node: Node, recipe: Recipe) -> bool:
    """Whether it is a layer that `recipe` keeps in float."""
    return is_layer(node) and layer_name(node) in recipe.float_layers


def run_layer(node: Node, arguments: Arguments, recipe: Recipe) -> "Tensor":
    """A layer's output with its weight rounded, unless `recipe` keeps it in float."""
    (x, weight, *rest), named = arguments
    if not is_float(node, recipe):
        weight = _rounded(node, weight, recipe)
    return _run(node, ((x, weight, *rest), named))  # type: ignore[no-any-return]


def is_activated(node: Node) -> bool:
    """Whether an activation is fused with the layer."""
    return _fused_activation(node) is not None


def activated(node: Node, output: "Tensor") -> "Tensor":
    """`output` of a layer after the activation fused with it, as a runtime writes it."""
    activation = _fused_activation(node)
    if activation is None:
        return output
    return _run(activation, ((output.clone(), *activation.args[1:]), activation.kwargs))  # type: ignore[no-any-return]


def round_activation(value: Any, like: Any) -> Any:
    """Round to 256 levels over the range of `like`, including zero; only float tensors are changed."""
    return round_between(value, *extremes(like)) if is_values(value) else value


def extremes(value: "Tensor") -> Range:
    """The smallest and the largest finite value."""
    import torch

    found = Range(*(bound.item() for bound in torch.aminmax(value)))
    return found if all(map(math.isfinite, found)) else bounds(value.numpy())


def round_between(value: "Tensor", low: float, high: float) -> "Tensor":
    """Round to 256 levels between `low` and `high`, extended to zero; values outside become the nearest."""
    import torch

    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / _LEVELS
    if scale == 0:
        return value
    return torch.fake_quantize_per_tensor_affine(value, scale, round(-128 - low / scale), -128, 127)


def round_weight(weight: "Tensor", *, per_channel: bool) -> "Tensor":
    """Round to [-127, 127] steps of max |w| / 127, per output channel or per tensor."""
    import torch

    widest = weight.flatten(1).abs().amax(1)
    scale = ((widest if per_channel else widest.max().expand_as(widest)) / 127).clamp_min(1e-12)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -127, 127)


def _rounded(node: Node, weight: "Tensor", recipe: Recipe) -> "Tensor":
    """A layer's weight as the file has it: where pairs of products may not exceed 16 bits, those integers."""
    import torch

    if recipe.no_overflow and not pairs.is_depthwise(weight.shape, groups_of(node)):
        grid = pairs.fitted(weight.detach().numpy(), per_channel=recipe.per_channel)
        if grid is not None:
            return torch.from_numpy(grid.values)
    return round_weight(weight, per_channel=recipe.per_channel)


def groups_of(node: Node) -> int:
    """The number of groups of a convolution; 1 for a linear layer."""
    return node.args[6] if operator_name(node) == "conv2d" and len(node.args) > 6 else 1


def _is_rounded(node: Node, recipe: Recipe) -> bool:
    """Whether a runtime writes this operator's output as a new INT8 tensor."""
    if not recipe.activations:
        return False
    source = node.args[0] if node.args else None
    maker = source if isinstance(source, type(node)) and _fused_activation(source) is node else node
    written = _fused_activation(node) is None and operator_name(node) not in _SAME_VALUES
    return written and not is_float(maker, recipe)


def _fused_activation(node: Node) -> Node | None:
    users = list(node.users)
    fused = len(users) == 1 and operator_name(node) in _FUSABLE and operator_name(users[0]) in _ACTIVATIONS
    return users[0] if fused else None


def _run(node: Node, arguments: Arguments) -> Any:
    positional, named = arguments
    return node.target(*positional, **named)
