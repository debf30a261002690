"""Normalisation of features."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .build import SIDE, WIDTH, block, function, tokens


class GlobalResponse(nn.Module):
    """Global response normalisation of ConvNeXt V2 (arXiv 2301.00808)."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.randn(1, WIDTH, 1, 1))
        self.beta = nn.Parameter(torch.randn(1, WIDTH, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scale channels by their share of the norm."""
        norm = x.norm(2, (2, 3), keepdim=True)
        return self.gamma * (x * norm / (norm.mean(1, keepdim=True) + 1e-6)) + self.beta + x


class FilterResponse(nn.Module):
    """Filter response normalisation with a thresholded linear unit (arXiv 1911.09737)."""

    def __init__(self) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.randn(1, WIDTH, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scale channels to a mean square of 1."""
        scaled = x * torch.rsqrt(x.square().mean((2, 3), keepdim=True) + 1e-6)
        return torch.maximum(scaled, self.threshold)


class Frozen(nn.Module):
    """A batch norm that is written out as scale and shift, as in detection backbones."""

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.rand(1, WIDTH, 1, 1) + 0.5)
        self.register_buffer("shift", torch.randn(1, WIDTH, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scale and shift."""
        return x * self.scale + self.shift


def _channels(x: Tensor, norm: nn.Module) -> Tensor:
    """A layer norm over the channels of every pixel, as in ConvNeXt."""
    normed: Tensor = norm(x.permute(0, 2, 3, 1))
    return normed.permute(0, 3, 1, 2)


NETWORKS = {
    "BatchNorm2d after the convolution": block(
        lambda: nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.BatchNorm2d(WIDTH))
    ),
    "BatchNorm2d before the convolution": block(
        lambda: nn.Sequential(nn.BatchNorm2d(WIDTH), nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 3, padding=1))
    ),
    "BatchNorm2d alone": block(lambda: nn.Sequential(nn.ReLU(), nn.BatchNorm2d(WIDTH), nn.ReLU())),
    "BatchNorm2d, not affine": block(lambda: nn.BatchNorm2d(WIDTH, affine=False)),
    "frozen batch norm": block(Frozen),
    "InstanceNorm2d": block(lambda: nn.InstanceNorm2d(WIDTH, affine=True)),
    "GroupNorm": block(lambda: nn.GroupNorm(4, WIDTH)),
    "LayerNorm of tokens": tokens(lambda: nn.LayerNorm(WIDTH)),
    "LayerNorm of channels": function(_channels, lambda: nn.LayerNorm(WIDTH)),
    "LayerNorm of the whole picture": block(lambda: nn.LayerNorm([WIDTH, SIDE, SIDE])),
    "RMSNorm": tokens(lambda: nn.RMSNorm(WIDTH)),
    "LocalResponseNorm": block(lambda: nn.LocalResponseNorm(5)),
    "GRN": block(GlobalResponse),
    "FRN and TLU": block(FilterResponse),
    "L2 norm of pixels": function(lambda x: F.normalize(x, dim=1)),
}
