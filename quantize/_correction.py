"""Sequential empirical bias correction: take back the mean error that quantization adds to every channel.

Two signals run through the network together, operator by operator: the float one, and one that sees INT8
weights (symmetric, per output channel) and INT8 activations (per tensor, min-max). After each convolution or
linear layer the bias takes the mean difference per channel, so that the next layer already sees corrected
inputs (arXiv 1906.04721 section 4.2, arXiv 2106.08295 section 3.3). One pass, no labels, no training; the
INT8 file keeps its size and speed.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from ..export._graph import Network, Node, is_own, parameter, set_parameter

if TYPE_CHECKING:
    from torch import Tensor

_LEVELS = 255
_FUSABLE = {"conv2d", "linear", "add", "add_"}  # runtimes fuse these with a following activation
_ACTIVATIONS = {"relu", "relu_", "hardtanh", "hardtanh_", "clamp", "clamp_"}
_SAME_SCALE = {
    "flatten",
    "view",
    "reshape",
    "permute",
    "transpose",
    "dropout",
    "max_pool2d",
}  # no new rounding


class _Signal(NamedTuple):
    float: Any
    quantized: Any


def correct_biases(graph: Network, batch: "Tensor") -> int:
    """Correct the biases of `graph` in place on `batch` (N, 3, S, S); the number of layers corrected."""
    from torch.fx import Interpreter
    from torch.fx.node import map_arg

    corrected = 0

    class Pair(Interpreter):
        """Every value is a `_Signal`; fx frees each after its last use."""

        def run_node(self, n: Node) -> Any:
            nonlocal corrected
            if n.op == "output":
                return None
            if n.op != "call_function":
                value = super().run_node(n)
                return _Signal(value, _quantize(value, value) if n.op == "placeholder" else value)
            exact = map_arg((n.args, n.kwargs), lambda node: self.env[node].float)
            rounded = map_arg((n.args, n.kwargs), lambda node: self.env[node].quantized)
            if _is_layer(n):
                corrected += 1
                signal = _correct_layer(graph, n, exact, rounded)
            else:
                run: Any = n.target
                signal = _Signal(run(*exact[0], **exact[1]), run(*rounded[0], **rounded[1]))
            if _rounds_after(n):
                signal = _Signal(signal.float, _quantize(signal.quantized, signal.float))
            return signal

    Pair(graph).run(batch)
    return corrected


def _is_layer(node: Node) -> bool:
    """A convolution or linear layer with a weight and, of its own, a bias."""
    return (
        _name(node) in ("conv2d", "linear")
        and len(node.args) > 2
        and node.args[2] is not None
        and node.args[1].op == "get_attr"
        and is_own(node.args[2])
    )


def _correct_layer(graph: Network, node: Node, exact: Any, rounded: Any) -> _Signal:
    (x, weight, bias, *rest), named = exact
    x_rounded = rounded[0][0]
    target = node.target(x, weight, bias, *rest, **named)
    output = node.target(x_rounded, _quantize_weight(weight), bias, *rest, **named)
    channel = 1 if _name(node) == "conv2d" else output.dim() - 1
    others = [dim for dim in range(output.dim()) if dim != channel]
    error = target.mean(others) - output.mean(others)
    set_parameter(graph, node.args[2], parameter(graph, node.args[2]) + error)
    shape = [-1 if dim == channel else 1 for dim in range(output.dim())]
    return _Signal(target, output.add_(error.view(shape)))


def _rounds_after(node: Node) -> bool:
    """Whether a runtime writes this operator's output as a new INT8 tensor."""
    users = list(node.users)
    fused = len(users) == 1 and _name(node) in _FUSABLE and _name(users[0]) in _ACTIVATIONS
    return not fused and _name(node) not in _SAME_SCALE


def _name(node: Node) -> str:
    return str(getattr(node.target, "__name__", node.target)).partition(".")[0]


def _quantize(value: Any, like: Any) -> Any:
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


def _quantize_weight(weight: "Tensor") -> "Tensor":
    """Round to [-127, 127] steps of max |w| / 127 by output channel."""
    import torch

    scale = (weight.flatten(1).abs().amax(1) / 127).clamp_min(1e-12)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -127, 127)
