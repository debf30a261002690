"""Equalization: give channels that share one activation scale similar ranges.

With per-tensor scales, the widest channel determines how the 256 steps of an activation are used. If a tensor
is produced by convolutions and additions and read only by convolutions, its channel c can be multiplied by
s_c in the producers' weights and divided by s_c in the readers' weights without changing the network's
function. Per-channel weight scales absorb the change in the producers; the square root splits the difficulty
between the activation and the readers:

    s_c = sqrt(max_c r / r_c)        r_c = max |x_c| on calibration pictures

Cross-layer equalization is from arXiv 1906.04721 section 4.1, extended here to the additions of residual
blocks, whose tensors must share s; the square root is from SmoothQuant (arXiv 2211.10438, alpha = 0.5).
"""

from typing import TYPE_CHECKING

from ...export.graph import Network, Node
from .channels import channel_ranges, divide_inputs, is_plain_conv, scale_outputs
from .simulation import groups_of

if TYPE_CHECKING:
    from torch import Tensor

_STRENGTH = 0.5
_WIDEST = 1e3  # limits the scale of channels that are never active


def equalize(graph: Network, batch: "Tensor") -> int:
    """Rescale `graph` in place by the ranges on `batch` (N, C, H, W); return the number of groups."""
    groups = [group for group in _groups(graph) if _can_scale(group)]
    ranges = channel_ranges(graph, batch, {node for group in groups for node in group})
    for group in groups:
        _rescale(graph, group, ranges)
    return len(groups)


def _groups(graph: Network) -> list[list[Node]]:
    """The operators' outputs, grouped so that tensors that are added to each other are together."""
    import torch

    additions = (torch.ops.aten.add.Tensor, torch.ops.aten.add_.Tensor)
    group_of: dict[Node, list[Node]] = {}
    for node in graph.graph.nodes:
        if node.op != "call_function":
            continue
        group_of[node] = [node]
        if node.target in additions:
            for term in node.args[:2]:
                if term in group_of and group_of[term] is not group_of[node]:
                    merged = group_of[term] + group_of[node]
                    group_of.update(dict.fromkeys(merged, merged))
    return list({id(group): group for group in group_of.values()}.values())


def _can_scale(group: list[Node]) -> bool:
    """Whether only the group's own convolutions and additions produce it, and only plain ones read it."""
    import torch

    conv = torch.ops.aten.conv2d.default
    readers = _readers(group)
    own = all(
        is_plain_conv(node) if node.target == conv else all(term in group for term in node.args[:2])
        for node in group
    )
    return (
        own
        and bool(readers)
        and any(node.target == conv for node in group)
        and len({node.meta["val"].shape[1] for node in group}) == 1  # no addition broadcasts a channel
        and all(is_plain_conv(user) and user.args[0] in group and groups_of(user) == 1 for user in readers)
    )


def _readers(group: list[Node]) -> set[Node]:
    """The group's readers, without its own additions; in x + conv(x), the convolution is also a producer."""
    import torch

    conv = torch.ops.aten.conv2d.default
    return {user for node in group for user in node.users if user not in group or user.target == conv}


def _rescale(graph: Network, group: list[Node], ranges: dict[Node, "Tensor"]) -> None:
    import torch

    # Relative to each tensor's widest channel: a channel is narrow if it is narrow in all of them.
    relative = torch.stack([ranges[node] / ranges[node].max().clamp_min(1e-12) for node in group]).amax(0)
    scale = relative.clamp_min(1 / _WIDEST) ** -_STRENGTH
    for conv in filter(is_plain_conv, group):
        scale_outputs(graph, conv, scale)
    for conv in _readers(group):
        divide_inputs(graph, conv, scale)
