"""Torch modules that are already in memory."""

import copy
from typing import TYPE_CHECKING

from . import imagenet
from .announcements import assumptions, logits
from .errors import EdgewiseError, UsageError
from .final_step import without_final_step
from .full_precision import in_float32
from .model import Model
from .overrides import Overrides
from .spec import ModelSpec, Origin, Preprocess
from .weights.fitting import taken
from .weights.untrained import digest

if TYPE_CHECKING:
    from torch import nn


def of_module(module: "nn.Module", overrides: Overrides, name: str | None = None) -> Model:
    """Make a model of a module that takes (N, C, H, W) float32 pictures and returns (N, classes) logits.

    A softmax or sigmoid that it ends in is taken out. A single logit tells two classes apart by its sign.

    The model has a copy of the module, on the CPU, in evaluation mode and float32. Its name is `name`, or
    that of the module's class. Where `overrides` define no preprocessing or classes, the usual one and the
    ImageNet classes or numbered ones are assumed, and the model's notices say so.

    Raises:
        UsageError: it is not a module, does not classify pictures of that size, or the labels do not fit.
        EdgewiseError: a weight is NaN or infinite.
    """
    overrides.preprocess(Preprocess(), overrides.channels)  # raises before anything takes time
    kind = type(module).__name__
    title = name or kind.lower()
    notices: list[str] = []
    network = in_float32(_copied(module), title, notices.append)
    prepared, outputs = taken(title, network, Preprocess(), overrides)
    origin = Origin("memory", f"the module {kind}", digest(network))
    assumed = ModelSpec(title, prepared, imagenet.assumed_labels(outputs), origin)
    network, step = without_final_step(network, prepared.shape)
    spec = overrides.apply(assumed, outputs)
    notices += [*assumptions(spec, "the usual way", overrides), *logits(spec, outputs, step)]
    return Model(network, spec, notices=tuple(notices))


def _copied(module: "nn.Module") -> "nn.Module":
    """A copy to convert, which later training of the module does not change."""
    import torch
    from torch import nn
    from torch.nn.parameter import is_lazy

    if not isinstance(module, nn.Module):
        raise UsageError(
            f"a {type(module).__name__} is not a network; pass a torch.nn.Module, a name or a file's path"
        )
    kind = type(module).__name__
    tensors = [*module.parameters(), *module.buffers()]
    if any(is_lazy(tensor) or tensor.is_meta for tensor in tensors):
        raise UsageError(f"{kind}: some weights have no values yet; load or initialize them first")
    try:
        network = copy.deepcopy(module).cpu().eval()
    except Exception as error:  # modules may hold anything; torch refuses to copy non-leaf tensors
        raise UsageError(
            f"{kind}: cannot be copied ({error}); give a module that copy.deepcopy copies"
        ) from error
    for name, tensor in network.named_parameters():
        if not torch.isfinite(tensor).all():
            raise EdgewiseError(
                f"{kind}: {name} contains NaN or infinite values, so the training diverged; use other weights"
            )
    return network
