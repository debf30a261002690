"""The network in PyTorch, where PyTorch is installed: what every converted file is compared with."""

from typing import TYPE_CHECKING

import numpy as np

from ..models.spec import Tensor32
from . import checked

if TYPE_CHECKING:
    from torch import nn


class TorchSession:
    """A `Session` around a torch module that takes (N, 3, S, S)."""

    def __init__(self, network: "nn.Module") -> None:
        self._network = network

    def __call__(self, batch: Tensor32) -> Tensor32:
        """(N, S, S, 3) normalised float32 pictures to (N, classes) float32 logits."""
        import torch

        with torch.inference_mode():
            pictures = torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 3, 1, 2)))
            return checked(self._network(pictures).numpy(), len(batch))
