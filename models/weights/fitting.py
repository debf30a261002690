"""Loads named tensors into a network, or explains why they do not fit."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EdgewiseError, UsageError
from ..overrides import Overrides
from ..sizes import Shape, planes
from ..spec import Preprocess
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
        found = kind(answer) if isinstance(answer, torch.Tensor) else type(answer).__name__
        raise UsageError(f"{name}: returns {found} for one picture; make it return (1, classes)")
    return answer.shape[1]
