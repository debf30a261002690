"""Explains why tensors do not fit a network."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..zoo import Architecture

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

_SHOWN = 3


def refuse_misfits(
    architecture: Architecture,
    network: "nn.Module",
    found: "Mapping[str, torch.Tensor]",
    last_layer: str,
    path: Path,
) -> None:
    """Raise a `UsageError` unless `found` has the names, shapes and kinds of the network's tensors."""
    expected = network.state_dict()
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    different = [
        name for name, tensor in expected.items() if name in found and kind(found[name]) != kind(tensor)
    ]
    if not (missing or unexpected or different):
        return
    told = [f"{name} is {kind(found[name])} instead of {kind(expected[name])}" for name in different]
    problems = (
        f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''})"
        for what, names in (("missing", missing), ("unexpected", unexpected), ("different", told))
        if names
    )
    other = [*missing, *unexpected, *different]
    if replaced := _replaced_head(network, last_layer, other, found):
        hint = _on_replaced_head(architecture, last_layer, replaced)
    elif missing and not different and all(name.startswith(f"{last_layer}.") for name in missing):
        hint = "the last layer is missing: save the whole network"
    elif len(missing) + len(different) > len(expected) / 2:
        hint = "they seem to belong to another network, or another width of it: check the model name"
    else:
        hint = f"save a state dict of {architecture.library}'s {architecture.builder}"
    raise UsageError(f"{path}: does not fit {architecture.name}, tensors {'; '.join(problems)}; {hint}")


def kind(tensor: "torch.Tensor") -> str:
    """Shape and type, where all float types are 'float': '(10, 1280) float'."""
    return f"{tuple(tensor.shape)} {'float' if tensor.is_floating_point() else str(tensor.dtype)}"


def _replaced_head(
    network: "nn.Module", last_layer: str, misfits: list[str], found: "Mapping[str, torch.Tensor]"
) -> str | None:
    """The last layer in the file, as 'fc.1 (10, 1024)', if nothing but the classifier does not fit."""
    from torch import nn

    parent = last_layer.rpartition(".")[0]
    sequence = parent and isinstance(network.get_submodule(parent), nn.Sequential)
    scope = f"{parent if sequence else last_layer}."
    layers = [name for name in misfits if name in found and found[name].ndim > 1]
    if not last_layer or not layers or not all(name.startswith(scope) for name in misfits):
        return None
    weight = layers[-1]
    layer = weight.rpartition(".")[0]
    return None if layer == last_layer else f"{layer} {tuple(found[weight].shape)}"


def _on_replaced_head(architecture: Architecture, last_layer: str, replaced: str) -> str:
    there = f"the classifier was replaced before training, its last layer is {replaced} in the file"
    if architecture.library == "file":
        return f"{there} and {last_layer} here: let {architecture.builder} build the network that was trained"
    return (
        f"{there} and {last_layer} in {architecture.library}'s {architecture.builder}: write a function that "
        "builds the network as it was trained, and pass it in place of this name, as in net.py:factory"
    )
