"""Loads named tensors into a network, or explains why they do not fit."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EdgewiseError, UsageError
from ..zoo import Architecture, build, skeleton
from .misfits import kind, refuse_misfits
from .picking import COUNTER, pick

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

_UNLIKELY = 1009  # a number of classes that no other layer uses as its number of channels


def fit(
    architecture: Architecture,
    states: "Mapping[str, Mapping[str, torch.Tensor]]",
    path: Path,
    *,
    ema: bool = False,
) -> "tuple[nn.Module, tuple[str, ...]]":
    """Build the network with weights from `path`, and say what else is there.

    Args:
        architecture: The network, which gets as many classes as the last layer in the file.
        states: The state dicts in the file by their entries, see `checkpoint.Checkpoint`.
        path: The file, for messages.
        ema: Take weights that were averaged during training; without it, raw ones where there are both.

    Raises:
        UsageError: they are not weights for this architecture.
        EdgewiseError: a weight is NaN or infinite.
    """
    bare = skeleton(architecture, _UNLIKELY)
    last_layer = _last_layer(bare)
    picked = pick(states, bare.state_dict(), path, ema=ema)
    # Without a classifier of rank two or more the number is unknown, and the comparison reports the problem.
    last = picked.tensors.get(f"{last_layer}.weight")
    network = build(architecture, last.shape[0] if last is not None and last.ndim > 1 else 1000)
    expected = network.state_dict()
    counters = {name: tensor for name, tensor in expected.items() if name.endswith(COUNTER)}
    tensors = picked.tensors | counters
    refuse_misfits(architecture, network, tensors, last_layer, path)
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise EdgewiseError(
                f"{path}: {name} contains NaN or infinite weights, so the training diverged or the file is "
                "damaged; use another checkpoint"
            )
    expected.update(tensors)  # `expected` carries the library's version metadata, `tensors` does not
    network.load_state_dict(expected)
    return network, picked.notices


def head(architecture: Architecture) -> str:
    """The name of the last layer with one row of weights per class."""
    return _last_layer(skeleton(architecture, _UNLIKELY))


def _last_layer(bare: "nn.Module") -> str:
    """That of a network with `_UNLIKELY` classes."""
    from torch import nn

    layers: list[tuple[str, int]] = [
        (name, layer.weight.shape[0])
        for name, layer in bare.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    # A user's own network may have a fixed number of classes: then take the last layer.
    rows = [name for name, rows in layers if rows == _UNLIKELY] or [name for name, _ in layers] or [""]
    return rows[-1]


def count_outputs(name: str, network: "nn.Module", size: int) -> int:
    """The number of classes of the network called `name`, from its output for an all-zero picture.

    Raises:
        UsageError: it does not accept pictures of `size` pixels, or does not return logits.
    """
    import torch

    try:
        with torch.inference_mode():
            logits = network(torch.zeros(1, 3, size, size))
    except Exception as error:  # every library raises its own
        told = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(
            f"{name}: does not accept pictures of {size} pixels ({told}); try another --imgsz"
        ) from error
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2 or len(logits) != 1:
        found = kind(logits) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise UsageError(f"{name}: returns {found} for one picture; make it return (1, classes)")
    return logits.shape[1]
