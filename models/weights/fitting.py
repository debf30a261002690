"""Loads named tensors into a network, or explains why they do not fit."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EdgewiseError, UsageError
from ..overrides import Overrides
from ..sizes import Shape, planes
from ..spec import Preprocess
from ..zoo import Architecture, build, skeleton

if TYPE_CHECKING:
    import torch
    from torch import nn

_COUNTER = "num_batches_tracked"  # of batch norms: only used in training, missing in old checkpoints
_AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")  # Inception's training heads, which we do not build
_OLD_NAMES = (  # in torchvision's own files: DenseNet, ViT
    (re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)"), r"\1\2"),
    (re.compile(r"(\.mlp)\.linear_1\."), r"\1.0."),
    (re.compile(r"(\.mlp)\.linear_2\."), r"\1.3."),
)
_UNLIKELY = 1009  # a number of classes that no other layer uses as its number of channels
_SHOWN = 3


def fit(
    architecture: Architecture, tensors: Mapping[str, "torch.Tensor"], path: Path
) -> "tuple[nn.Module, int]":
    """Build the network with the weights `tensors` from `path`; also returns its number of classes.

    Raises:
        UsageError: they are not weights for this architecture.
        EdgewiseError: a weight is NaN or infinite.
    """
    last_layer = head(architecture)
    # Without a classifier of rank two or more the number is unknown, and the comparison reports the problem.
    last = tensors.get(f"{last_layer}.weight")
    classes = last.shape[0] if last is not None and last.ndim > 1 else 1000
    network = build(architecture, classes)
    expected = network.state_dict()
    tensors = _understood(tensors, expected)
    _refuse_misfits(architecture, expected, tensors, last_layer, path)
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise EdgewiseError(
                f"{path}: {name} contains NaN or infinite weights, so the training diverged or the file is "
                "damaged; use another checkpoint"
            )
    expected.update(tensors)  # `expected` carries the library's version metadata, `tensors` does not
    network.load_state_dict(expected)
    return network, classes


def head(architecture: Architecture) -> str:
    """The name of the last layer with one row of weights per class."""
    from torch import nn

    layers: list[tuple[str, int]] = [
        (name, layer.weight.shape[0])
        for name, layer in skeleton(architecture, _UNLIKELY).named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    # A user's own network may have a fixed number of classes: then take the last layer.
    rows = [name for name, rows in layers if rows == _UNLIKELY] or [name for name, _ in layers] or [""]
    return rows[-1]


def taken(name: str, network: "nn.Module", given: Preprocess, overrides: Overrides) -> tuple[Preprocess, int]:
    """The preprocessing for the network called `name`, and its number of outputs.

    It is `given` with `overrides`, for grey pictures if the network takes these and no others.

    Raises:
        UsageError: the network does not accept such pictures, or does not return logits.
    """
    height, width, own = replace(overrides, mean=None, std=None).preprocess(given).shape
    refused: dict[int, Exception] = {}
    for channels in (own, 1 if own == 3 else 3):
        if channels != own and overrides.channels:
            break
        try:
            answer = _run(network, (height, width, channels))
        except Exception as error:  # noqa: BLE001 - every library raises its own
            refused[channels] = error
        else:
            return overrides.preprocess(given, channels), _outputs(name, answer)
    # What the network seems to take tells a wrong size from a wrong number of channels.
    blamed = first_channels(network) if first_channels(network) in refused else own
    raise _refusal(name, (height, width, blamed), refused[blamed]) from refused[blamed]


def first_channels(network: "nn.Module") -> int:
    """The channels of the pictures that the first convolution takes: 1 if it takes one, otherwise 3."""
    from torch import nn

    taken = (layer.in_channels for layer in network.modules() if isinstance(layer, nn.Conv2d))
    return 1 if next(taken, 3) == 1 else 3


def count_outputs(name: str, network: "nn.Module", picture: int | Shape) -> int:
    """The number of outputs of the network called `name`, from its answer to an all-zero picture.

    Raises:
        UsageError: it does not accept pictures of that shape, or does not return logits.
    """
    try:
        answer = _run(network, picture)
    except Exception as error:
        raise _refusal(name, picture, error) from error
    return _outputs(name, answer)


def _run(network: "nn.Module", picture: int | Shape) -> Any:
    import torch

    with torch.inference_mode():
        return network(torch.zeros(planes(picture, 1)))


def _refusal(name: str, picture: int | Shape, error: Exception) -> UsageError:
    told = (str(error).strip().splitlines() or [type(error).__name__])[0]
    _, channels, height, width = planes(picture, 1)
    return UsageError(
        f"{name}: does not accept {'grey' if channels == 1 else 'RGB'} pictures of {height} x {width} pixels "
        f"({told}); try another --imgsz, one side or HEIGHTxWIDTH"
    )


def _outputs(name: str, answer: Any) -> int:
    import torch

    if not isinstance(answer, torch.Tensor) or answer.ndim != 2 or len(answer) != 1:
        kind = _kind(answer) if isinstance(answer, torch.Tensor) else type(answer).__name__
        raise UsageError(f"{name}: returns {kind} for one picture; make it return (1, classes)")
    return answer.shape[1]


def _understood(
    tensors: Mapping[str, "torch.Tensor"], expected: Mapping[str, "torch.Tensor"]
) -> "dict[str, torch.Tensor]":
    """The tensors by their current names, without auxiliary heads and with new counters."""
    understood = {}
    for old, tensor in tensors.items():
        name = old
        for pattern, new in _OLD_NAMES:
            name = pattern.sub(new, name)
        name = name if name in expected else old
        if name in expected or not name.startswith(_AUXILIARY):
            understood[name] = tensor
    counters = {name: tensor for name, tensor in expected.items() if name.endswith(_COUNTER)}
    return understood | counters


def _refuse_misfits(
    architecture: Architecture,
    expected: Mapping[str, "torch.Tensor"],
    found: Mapping[str, "torch.Tensor"],
    last_layer: str,
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
    if missing and not different and all(name.startswith(f"{last_layer}.") for name in missing):
        hint = "the last layer is missing: save the whole network"
    elif len(missing) + len(different) > len(expected) / 2:
        hint = "they seem to belong to another network, or another width of it: check the model name"
    else:
        hint = f"save a state dict of {architecture.library}'s {architecture.builder}"
    raise UsageError(f"{path}: does not fit {architecture.name}, tensors {'; '.join(problems)}; {hint}")


def _kind(tensor: "torch.Tensor") -> str:
    """Shape and type, where all float types are 'float': '(10, 1280) float'."""
    return f"{tuple(tensor.shape)} {'float' if tensor.is_floating_point() else str(tensor.dtype)}"
