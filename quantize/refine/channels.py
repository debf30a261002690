"""What equalization needs: the ranges of channels, and convolutions whose channels are scaled."""

from typing import TYPE_CHECKING, Any

from ...export.graph import Network, Node, is_own, parameter, set_parameter
from .simulation import groups_of

if TYPE_CHECKING:
    from torch import Tensor


def is_plain_conv(node: Node) -> bool:
    """Whether it is a two-dimensional convolution whose weight and bias no other layer uses."""
    import torch

    return node.target == torch.ops.aten.conv2d.default and all(map(is_own, node.args[1:3]))


def channel_ranges(graph: Network, batch: "Tensor", wanted: set[Node]) -> dict[Node, "Tensor"]:
    """Max |x| per channel, (C,), of each wanted node's output for `batch` (N, C, H, W)."""
    from torch.fx import Interpreter

    ranges: dict[Node, Tensor] = {}

    class Recorder(Interpreter):
        def run_node(self, n: Node) -> Any:
            value = super().run_node(n)
            if n in wanted:
                ranges[n] = value.abs().amax((0, 2, 3))
            return value

    Recorder(graph).run(batch)
    return ranges


def scale_outputs(graph: Network, conv: Node, scale: "Tensor") -> None:
    """Multiply the output channels of a convolution by `scale` (O,)."""
    weight = parameter(graph, conv.args[1])
    set_parameter(graph, conv.args[1], weight * scale[:, None, None, None])
    if len(conv.args) > 2 and conv.args[2] is not None:
        set_parameter(graph, conv.args[2], parameter(graph, conv.args[2]) * scale)


def divide_inputs(graph: Network, conv: Node, scale: "Tensor") -> None:
    """Let a convolution compute the same from input channels multiplied by `scale` (I,)."""
    weight = parameter(graph, conv.args[1])
    set_parameter(graph, conv.args[1], weight / _as_read(conv, weight, scale)[:, :, None, None])


def input_ranges(graph: Network, conv: Node) -> "Tensor":
    """Max |w| of what each input channel is multiplied by, (I,)."""
    weight = parameter(graph, conv.args[1]).abs().amax((2, 3))
    groups = groups_of(conv)
    ranges: Tensor = weight.reshape(groups, -1, weight.shape[1]).amax(1).flatten()
    return ranges


def _as_read(conv: Node, weight: "Tensor", channels: "Tensor") -> "Tensor":
    """`channels` (I,) beside the weights (O, I / groups, ...) that read them: (O, I / groups)."""
    groups = groups_of(conv)
    return channels.reshape(groups, -1).repeat_interleave(len(weight) // groups, 0)
