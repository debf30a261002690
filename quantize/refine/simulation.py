"""INT8 arithmetic simulated in PyTorch: a float and a quantized signal run through the network together.

Activations are rounded per tensor to 256 steps from their smallest to their largest value in the float
network, weights symmetrically, per output channel or per tensor. A result is rounded where a runtime writes
it as an INT8 tensor: not between an operator and the activation that is fused with it, nor where values only
change places (arXiv 1712.05877 section 3).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ...export.graph import Network, Node
from ..calibration import Calibration
from ..recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

_PICTURES = 16  # channel means settle by then: 32 and 48 photographs gave the same MobileNetV2 within noise
_LEVELS = 255
_FUSABLE = {"conv2d", "linear", "add", "add_"}  # runtimes fuse these with a following activation
_ACTIVATIONS = {"relu", "relu_", "relu6", "relu6_", "hardtanh", "hardtanh_", "clamp", "clamp_"}
_SAME_VALUES = {  # no new rounding
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


class Signal(NamedTuple):
    """What an operator gives in the float network, and in the quantized one."""

    float: Any
    quantized: Any


Visit: TypeAlias = Callable[[Node, Arguments, Signal], Signal]


def sample(calibration: Calibration) -> "Tensor":
    """The first pictures of `calibration` as a network takes them: (N, 3, S, S), stored channels last."""
    import torch

    return torch.from_numpy(calibration.batch(_PICTURES)).permute(0, 3, 1, 2)


def simulate(graph: Network, batch: "Tensor", recipe: Recipe, visit: Visit | None = None) -> Signal:
    """The logits (N, classes) of `batch` (N, 3, S, S) in float and as `recipe` quantizes `graph`.

    `visit` is given each layer, its arguments in float and its output before activation and rounding; what
    it returns goes on through the network.
    """
    from torch.fx import Interpreter
    from torch.fx.node import map_arg

    class Pair(Interpreter):
        """Every value is a `Signal`; fx frees each after its last use."""

        def run_node(self, n: Node) -> Any:
            if n.op == "placeholder":
                value = super().run_node(n)
                return Signal(value, round_activation(value, value) if recipe.activations else value)
            if n.op == "get_attr":
                return Signal(*[super().run_node(n)] * 2)
            if n.op != "call_function":
                return super().run_node(n)
            exact, rounded = self._arguments(n, 0), self._arguments(n, 1)
            if is_layer(n):
                signal = Signal(_run(n, exact), run_layer(n, rounded, recipe))
                signal = visit(n, exact, signal) if visit else signal
            else:
                signal = Signal(_run(n, exact), _run(n, rounded))
            if _is_rounded(n, recipe):
                signal = Signal(signal.float, round_activation(signal.quantized, signal.float))
            return signal

        def _arguments(self, n: Node, part: int) -> Arguments:
            return map_arg((n.args, n.kwargs), lambda node: self.env[node][part])

    return Pair(graph).run(batch)  # type: ignore[no-any-return]


def is_layer(node: Node) -> bool:
    """Whether it is a convolution or a linear layer, with a weight of the network's."""
    return operator(node) in ("conv2d", "linear") and node.args[1].op == "get_attr"


def operator(node: Node) -> str:
    """Its name without overload: 'conv2d'."""
    return str(getattr(node.target, "__name__", node.target)).partition(".")[0]


def layer_name(node: Node) -> str:
    """The module of a layer: 'features.1.conv.0'."""
    return str(node.args[1].target).removesuffix(".weight")


def is_float(node: Node, recipe: Recipe) -> bool:
    """Whether it is a layer that `recipe` leaves in float."""
    return is_layer(node) and layer_name(node) in recipe.float_layers


def run_layer(node: Node, arguments: Arguments, recipe: Recipe) -> "Tensor":
    """What a layer gives with its weight rounded, unless `recipe` leaves it in float."""
    (x, weight, *rest), named = arguments
    if not is_float(node, recipe):
        weight = round_weight(weight, per_channel=recipe.per_channel)
    return _run(node, ((x, weight, *rest), named))  # type: ignore[no-any-return]


def activated(node: Node, output: "Tensor") -> "Tensor":
    """`output` of a layer after the activation that is fused with it: what a runtime writes."""
    activation = _fused_activation(node)
    if activation is None:
        return output
    return _run(activation, ((output.clone(), *activation.args[1:]), activation.kwargs))  # type: ignore[no-any-return]


def round_activation(value: Any, like: Any) -> Any:
    """Round to 256 levels over the range of `like`, zero included; what is no float tensor stays."""
    import torch

    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return value
    low, high = (bound.item() for bound in torch.aminmax(like))
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / _LEVELS
    if scale == 0:
        return value
    return torch.fake_quantize_per_tensor_affine(value, scale, round(-128 - low / scale), -128, 127)


def round_weight(weight: "Tensor", *, per_channel: bool) -> "Tensor":
    """Round to [-127, 127] steps of max |w| / 127, by output channel or of all."""
    import torch

    widest = weight.flatten(1).abs().amax(1)
    scale = ((widest if per_channel else widest.max().expand_as(widest)) / 127).clamp_min(1e-12)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -127, 127)


def _is_rounded(node: Node, recipe: Recipe) -> bool:
    """Whether a runtime writes this operator's output as a new INT8 tensor."""
    if not recipe.activations:
        return False
    source = node.args[0] if node.args else None
    maker = source if isinstance(source, type(node)) and _fused_activation(source) is node else node
    ends = _fused_activation(node) is None and operator(node) not in _SAME_VALUES
    return ends and not is_float(maker, recipe)


def _fused_activation(node: Node) -> Node | None:
    users = list(node.users)
    fused = len(users) == 1 and operator(node) in _FUSABLE and operator(users[0]) in _ACTIVATIONS
    return users[0] if fused else None


def _run(node: Node, arguments: Arguments) -> Any:
    positional, named = arguments
    return node.target(*positional, **named)
