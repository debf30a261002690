"""Puts named tensors into a network, or says why they do not fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import EdgewiseError, UsageError
from .zoo import Architecture, build

if TYPE_CHECKING:
    import torch
    from torch import nn

_COUNTER = "num_batches_tracked"  # of batch norms, for training only, and missing in old checkpoints
_SHOWN = 3


def fit(
    architecture: Architecture, tensors: Mapping[str, "torch.Tensor"], path: Path
) -> "tuple[nn.Module, int]":
    """The network with the weights `tensors` that came from `path`, and its number of classes.

    Raises:
        UsageError: they are not the weights of this architecture.
        EdgewiseError: a weight is NaN or infinite.
    """
    head = _head(architecture)
    # Without a classifier of rank two or more there is no telling, and the comparison will say what is wrong.
    last = tensors.get(f"{head}.weight")
    classes = last.shape[0] if last is not None and last.ndim > 1 else 1000
    network = build(architecture, classes)
    expected = network.state_dict()
    counters = {name: tensor for name, tensor in expected.items() if name.endswith(_COUNTER)}
    tensors = {**tensors, **counters}
    _refuse_misfits(architecture, expected, tensors, head, path)
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise EdgewiseError(
                f"{path}: {name} holds NaN or infinite weights, so the training diverged or the file is "
                "damaged; take another checkpoint"
            )
    network.load_state_dict(tensors)
    return network, classes


def _head(architecture: Architecture) -> str:
    """The name of the last layer with weights, whose rows are the classes."""
    import torch
    from torch import nn

    with torch.device("meta"):  # names without memory
        skeleton = build(architecture, 1000)
    layers: list[str] = [
        name for name, layer in skeleton.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    return layers[-1]


def _refuse_misfits(
    architecture: Architecture,
    expected: Mapping[str, "torch.Tensor"],
    found: Mapping[str, "torch.Tensor"],
    head: str,
    path: Path,
) -> None:
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    different = [
        f"{name} is {_kind(found[name])} instead of {_kind(tensor)}"
        for name, tensor in expected.items()
        if name in found and _kind(found[name]) != _kind(tensor)
    ]
    if not (missing or unexpected or different):
        return
    problems = (
        f"{len(names)} {kind} ({', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''})"
        for kind, names in (("missing", missing), ("unexpected", unexpected), ("different", different))
        if names
    )
    if missing and not different and all(name.startswith(f"{head}.") for name in missing):
        hint = "the last layer is not among them: save the whole network"
    elif len(missing) + len(different) > len(expected) / 2:
        hint = "they look like another network's, or a wider or narrower one's: check the model's name"
    else:
        hint = f"save the state dict of torchvision's {architecture.builder}"
    raise UsageError(f"{path}: does not fit {architecture.name}, tensors {'; '.join(problems)}; {hint}")


def _kind(tensor: "torch.Tensor") -> str:
    """Shape and type, of which float is one: '(10, 1280) float'."""
    return f"{tuple(tensor.shape)} {'float' if tensor.is_floating_point() else str(tensor.dtype)}"
