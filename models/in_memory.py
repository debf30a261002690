"""Modules of torch that a program holds in memory, as models."""

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from . import imagenet
from .announcements import assumptions
from .errors import EdgewiseError, UsageError
from .model import Model
from .overrides import Overrides
from .spec import ModelSpec, Origin, Preprocess
from .weights.fitting import count_outputs
from .weights.untrained import digest

if TYPE_CHECKING:
    from torch import nn


def of_module(module: "nn.Module", overrides: Overrides, name: str | None = None) -> Model:
    """The model of a module that takes (N, 3, S, S) float32 pictures and returns (N, classes) logits.

    It is a copy on the CPU, in evaluation mode and float32, and called `name`, or as the module's class. What
    `overrides` leave open is assumed: `Preprocess()`, and the classes of ImageNet or numbers. The notices of
    the model say so.

    Raises:
        UsageError: it is no module, does not classify pictures of that size, or the labels do not fit.
        EdgewiseError: a weight is NaN or infinite.
    """
    preprocess = overrides.preprocess(Preprocess())  # raises before anything takes time
    kind = type(module).__name__
    title = name or kind.lower()
    network = _copied(module)
    classes = count_outputs(title, network, preprocess.size)
    origin = Origin("memory", f"the module {kind}", digest(network))
    assumed = ModelSpec(title, Preprocess(), imagenet.assumed_labels(classes), origin)
    model = Model(network, overrides.apply(assumed, classes))
    return replace(model, notices=tuple(assumptions(model.spec, "the usual way", overrides)))


def _copied(module: "nn.Module") -> "nn.Module":
    """What is converted: later training of the module changes nothing of it."""
    import torch
    from torch import nn
    from torch.nn.parameter import is_lazy

    if not isinstance(module, nn.Module):
        raise UsageError(
            f"a {type(module).__name__} is no network; give a torch.nn.Module, a name or the path of a file"
        )
    kind = type(module).__name__
    tensors = [*module.parameters(), *module.buffers()]
    if any(is_lazy(tensor) or tensor.is_meta for tensor in tensors):
        raise UsageError(f"{kind}: some of its weights have no values yet; load or initialise them first")
    try:
        network = copy.deepcopy(module).cpu().float().eval()
    except Exception as error:  # modules hold anything, and torch does not copy results of a computation
        raise UsageError(
            f"{kind}: cannot be copied ({error}); give a module that copy.deepcopy copies"
        ) from error
    for name, tensor in network.named_parameters():
        if not torch.isfinite(tensor).all():
            raise EdgewiseError(
                f"{kind}: {name} holds NaN or infinite weights, so the training diverged; take other weights"
            )
    return network
