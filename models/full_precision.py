"""Take networks in half precision to float32, in which everything is converted and judged."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def in_float32(network: "nn.Module", name: str, announce: Callable[[str], None]) -> "nn.Module":
    """`network` with float32 weights, in place; `announce` is told where they had another float type."""
    import torch

    tensors = [*network.parameters(), *network.buffers()]
    others = {tensor.dtype for tensor in tensors if tensor.is_floating_point()} - {torch.float32}
    if others:
        kinds = " and ".join(sorted(str(kind).removeprefix("torch.") for kind in others))
        announce(f"{name} has {kinds} weights: taking them to float32, in which it is converted and judged")
    return network.float()
