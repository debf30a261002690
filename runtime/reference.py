"""The network in its own framework, if installed: the reference for every converted file."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..models.errors import EdgewiseError
from ..models.foreign.keras import KerasNetwork
from ..models.spec import Tensor32
from . import accepted, checked

if TYPE_CHECKING:
    from torch import nn


class TorchSession:
    """A `Session` for a torch module with input (N, C, H, W)."""

    framework = "PyTorch"

    def __init__(self, network: "nn.Module") -> None:
        self._network = network

    def __call__(self, batch: Tensor32) -> Tensor32:
        """Map (N, H, W, C) normalised float32 pictures to (N, classes) float32 logits."""
        import torch

        channels = 1 if batch.shape[3:] == (1,) else 3
        pictures = accepted(batch, (*batch.shape[1:3], channels)).transpose(0, 3, 1, 2)
        with torch.inference_mode():
            answer = self._network(torch.from_numpy(np.ascontiguousarray(pictures)))
        if not isinstance(answer, torch.Tensor) or answer.dim() != 2:
            raise EdgewiseError(
                f"the network must return one tensor of logits, (N, classes), but returned {_words(answer)}"
            )
        return checked(answer.float().numpy(), len(batch))


class KerasSession:
    """A `Session` for a Keras network."""

    framework = "Keras"

    def __init__(self, network: KerasNetwork) -> None:
        self._network = network

    def __call__(self, batch: Tensor32) -> Tensor32:
        """Map (N, H, W, C) normalised float32 pictures to (N, classes) float32 logits."""
        return checked(self._network(accepted(batch, self._network.shape)), len(batch))


def reference(network: "nn.Module | KerasNetwork") -> TorchSession | KerasSession:
    """A session for a loaded network."""
    return KerasSession(network) if isinstance(network, KerasNetwork) else TorchSession(network)


def _words(answer: Any) -> str:
    """Describe an output: its type and length, or the shape of a tensor."""
    if hasattr(answer, "shape"):
        return f"a tensor of shape {tuple(answer.shape)}"
    if isinstance(answer, list | tuple | dict):
        parts = answer.values() if isinstance(answer, dict) else answer
        return f"a {type(answer).__name__} of {len(answer)}: {', '.join(map(_words, parts))}"
    return f"{type(answer).__name__}"
