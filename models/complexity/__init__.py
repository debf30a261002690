"""The cost of a network: parameters, and multiply-accumulates (MACs) for one picture, by layer type.

The counts are exact and cheap: the network runs on torch's meta device, whose tensors have no data.
"""

import inspect
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..sizes import Size, both, planes, written
from ..zoo import Architecture, skeleton
from .layers import Kind, kinds_of
from .separable import Savings, savings

if TYPE_CHECKING:
    from torch import nn

    from .recorder import Step

__all__ = ["Complexity", "Cost", "Kind", "Savings", "complexity", "with_auxiliary_heads"]


@dataclass(frozen=True, slots=True)
class Cost:
    """The parameters and MACs of all layers of one type."""

    parameters: int
    macs: int


@dataclass(frozen=True, slots=True)
class Complexity:
    """The cost of a network for one picture of `size`, in total and by layer type.

    A batch norm that follows a convolution or a linear layer folds into it and costs nothing. Any other (many
    of DenseNet's come before a convolution) costs one MAC per element. Other norms, activations, pooling and
    additions count no MACs, as in the literature. `savings` is what depthwise separable convolutions save, or
    None without any.
    """

    size: Size
    classes: int
    parameters: int
    macs: int
    kinds: dict[Kind, Cost]
    savings: Savings | None


def complexity(network: "nn.Module", size: Size) -> Complexity:
    """The cost of `network`, which must be in evaluation mode and may be on any device, including meta.

    Raises:
        UsageError: it does not accept such a picture, or returns something other than logits.
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
    """The number of parameters with the auxiliary training heads that `network` lacks; None without any."""
    option = "aux_logits"  # of torchvision and timm
    if architecture.library == "file" or option not in inspect.signature(type(network)).parameters:
        return None
    options = dict(architecture.options) | {option: True}
    trained = skeleton(replace(architecture, options=tuple(options.items())), classes)
    return sum(parameter.numel() for parameter in trained.parameters())


def _run(network: "nn.Module", size: Size) -> "tuple[list[Step], int]":
    """The operators that the network runs on one picture, and its number of classes."""
    import torch

    from ..weights.fitting import first_channels
    from .recorder import OperatorRecorder

    picture = torch.empty(planes((*both(size), first_channels(network)), 1), device="meta")
    with torch.no_grad(), OperatorRecorder(network, picture) as recorder:
        try:
            logits = network(picture)
        except Exception as error:
            told = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UsageError(
                f"the network cannot take a picture of {written(size)} pixels: {told}; try another --imgsz"
            ) from error
    if not isinstance(logits, torch.Tensor):
        raise UsageError(
            f"the network returns a {type(logits).__name__}; make it return only the logits, (N, classes)"
        )
    return recorder.steps, logits.shape[-1]
