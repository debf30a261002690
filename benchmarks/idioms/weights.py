"""Weights that are computed: from parameters, so the same for every picture, or from the picture."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, weight_norm

from .build import CLASSES, WIDTH, block, head


class Standardized(nn.Conv2d):
    """Weight standardization (arXiv 1903.10520), as in timm's ResNetV2 and NFNets."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with weights of mean 0 and variance 1."""
        variance, mean = torch.var_mean(self.weight, (1, 2, 3), keepdim=True)
        weight = (self.weight - mean) * torch.rsqrt(variance + 1e-6)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


class BatchNormed(nn.Conv2d):
    """Weight standardization by a batch norm, as timm's StdConv2d computes it."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with weights of mean 0 and variance 1."""
        flat = self.weight.reshape(1, self.out_channels, -1)
        weight = F.batch_norm(flat, None, None, training=True, momentum=0.0, eps=1e-6)
        return F.conv2d(x, weight.reshape_as(self.weight), self.bias, self.stride, self.padding)


class Conditional(nn.Module):
    """One kernel for each picture, mixed of experts (CondConv, arXiv 1904.04971), as timm computes it."""

    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.Parameter(torch.randn(4, WIDTH * WIDTH * 9) * 0.1)
        self.routing = nn.Linear(WIDTH, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve each picture with its own kernel."""
        count, _, height, width = x.shape
        mixed = torch.sigmoid(self.routing(x.mean((2, 3)))) @ self.experts
        weight = mixed.reshape(count * WIDTH, WIDTH, 3, 3)
        answer = F.conv2d(x.reshape(1, count * WIDTH, height, width), weight, padding=1, groups=count)
        return answer.reshape(count, WIDTH, height, width)


class Cosine(nn.Module):
    """Logits are cosines of features and weights, scaled, as in face recognition and few-shot learning."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(CLASSES, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """Scaled cosines."""
        return 16 * F.linear(F.normalize(x.mean((2, 3))), F.normalize(self.weight))


NETWORKS = {
    "weight standardization": block(lambda: Standardized(WIDTH, WIDTH, 3, padding=1)),
    "weight standardization by batch norm": block(lambda: BatchNormed(WIDTH, WIDTH, 3, padding=1)),
    "weight norm": block(lambda: weight_norm(nn.Conv2d(WIDTH, WIDTH, 3, padding=1))),
    "weight norm, parametrized": block(
        lambda: parametrizations.weight_norm(nn.Conv2d(WIDTH, WIDTH, 3, padding=1))
    ),
    "spectral norm, parametrized": block(
        lambda: parametrizations.spectral_norm(nn.Conv2d(WIDTH, WIDTH, 3, padding=1))
    ),
    "CondConv, mixed kernels": block(Conditional),
    "cosine classifier": head(Cosine),
}
