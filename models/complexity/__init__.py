"""What a network costs: parameters and multiply-accumulates (MACs) of one picture, by type of layer.

Exact and nearly free: the network runs on torch's meta device, where tensors have shapes and no content.
"""

import inspect
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..zoo import Architecture, skeleton
from .layers import Kind, kinds_of
from .separable import Savings, savings

if TYPE_CHECKING:
    from torch import nn

    from .recorder import Step

__all__ = ["Complexity", "Cost", "Kind", "Savings", "complexity", "with_auxiliary_heads"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What the layers of one type have and do."""

    parameters: int
    macs: int


@dataclass(frozen=True, slots=True)
class Complexity:
    """What a network costs for one picture of `size` by `size` pixels, in all and by type of layer.

    A batch norm that follows a convolution or a linear layer folds into it and costs nothing. One that does
    not (many of DenseNet's come before) costs one MAC an element. Other norms, activations, pooling and
    additions have no MACs, as in the literature. `savings` is what depthwise separable convolution saves, if
    there is any.
    """

    size: int
    classes: int
    parameters: int
    macs: int
    kinds: dict[Kind, Cost]
    savings: Savings | None


def complexity(network: "nn.Module", size: int) -> Complexity:
    """The cost of `network`, which is in evaluation mode and lies on any device, the meta device included.

    Raises:
        UsageError: it cannot take such a picture, or gives something other than logits.
    """
    steps, classes = _run(network, size)
    kinds = kinds_of(steps)
    owners: dict[str, Kind] = {}
    parameters, macs = Counter[Kind](), Counter[Kind]()
    for step, kind in kinds.items():
        macs[kind] += step.elements if kind is Kind.NORM else step.macs
        for name in step.parameters:
            owners.setdefault(name, kind)
    for name, parameter in network.named_parameters():
        parameters[owners.get(name, Kind.UNUSED)] += parameter.numel()
    return Complexity(
        size,
        classes,
        parameters.total(),
        macs.total(),
        {kind: Cost(parameters[kind], macs[kind]) for kind in Kind if parameters[kind] or macs[kind]},
        savings(kinds, parameters.total(), macs.total()),
    )


def with_auxiliary_heads(architecture: Architecture, network: "nn.Module", classes: int) -> int | None:
    """How many parameters it has in training, where further heads help it that `network` goes without."""
    option = "aux_logits"  # of torchvision and timm
    if architecture.library == "file" or option not in inspect.signature(type(network)).parameters:
        return None
    options = dict(architecture.options) | {option: True}
    trained = skeleton(replace(architecture, options=tuple(options.items())), classes)
    return sum(parameter.numel() for parameter in trained.parameters())


def _run(network: "nn.Module", size: int) -> "tuple[list[Step], int]":
    """What the network does with one picture, and its number of classes."""
    import torch

    from .recorder import OperatorRecorder

    picture = torch.empty(1, 3, size, size, device="meta")
    with torch.no_grad(), OperatorRecorder(network, picture) as recorder:
        try:
            logits = network(picture)
        except Exception as error:
            told = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UsageError(
                f"the network cannot take a picture of {size} pixels: {told}; give another --imgsz"
            ) from error
    if not isinstance(logits, torch.Tensor):
        raise UsageError(
            f"the network gives a {type(logits).__name__}; let it return the logits alone, (N, classes)"
        )
    return recorder.steps, logits.shape[-1]
