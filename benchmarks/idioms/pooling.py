"""Pooling, resizing, and heads that pool."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .build import CLASSES, SIDE, WIDTH, Do, block, function, head


def _pooled(call: Callable[[Tensor], Tensor], channels: int = WIDTH) -> Callable[[], nn.Module]:
    return head(lambda: nn.Sequential(Do(call), nn.Flatten(), nn.Linear(channels, CLASSES)))


class GeM(nn.Module):
    """Generalized mean pooling with a learned exponent (arXiv 1711.02512)."""

    def __init__(self) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(3.0))

    def forward(self, x: Tensor) -> Tensor:
        """Pool to (N, C, 1, 1)."""
        powers = x.clamp(min=1e-6).pow(self.power)
        return F.avg_pool2d(powers, (SIDE, SIDE)).pow(1 / self.power)


class Blur(nn.Module):
    """Blur and subsample (arXiv 1904.11486), with timm's reflect padding."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("kernel", (row[:, None] * row).expand(WIDTH, 1, 3, 3).clone())

    def forward(self, x: Tensor) -> Tensor:
        """Half the size."""
        return F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), self.kernel, stride=2, groups=WIDTH)


def _both(x: Tensor) -> Tensor:
    """Timm's catavgmax."""
    return torch.cat([F.adaptive_avg_pool2d(x, 1), F.adaptive_max_pool2d(x, 1)], 1)


def _resized(**options: object) -> Callable[[], nn.Module]:
    return function(partial(F.interpolate, **options))  # type: ignore[arg-type]


def _signed(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """A block behind a convolution without an activation, so that zero is in the middle of its integers."""
    return block(lambda: nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 1), make()))


NETWORKS = {
    "MaxPool2d, padded": block(lambda: nn.MaxPool2d(3, 2, 1)),
    "MaxPool2d, ceil_mode": block(lambda: nn.MaxPool2d(3, 2, ceil_mode=True)),
    "MaxPool2d 5x5, stride 1": block(lambda: nn.MaxPool2d(5, 1, 2)),
    "MaxPool2d of signed values, padded as TensorFlow does": _signed(
        lambda: Do(lambda x: F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-math.inf), 3, 2))
    ),
    "AvgPool2d": block(lambda: nn.AvgPool2d(2)),
    "AvgPool2d, padding counted": block(lambda: nn.AvgPool2d(3, 2, 1)),
    "AvgPool2d, padding not counted": block(lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False)),
    "AvgPool2d of signed values, padding counted": _signed(lambda: nn.AvgPool2d(3, 1, 1)),
    "AvgPool2d of signed values, padding not counted": _signed(
        lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    ),
    "MaxPool2d of signed values, padded": _signed(lambda: nn.MaxPool2d(3, 1, 1)),
    "AvgPool2d, ceil_mode": block(lambda: nn.AvgPool2d(3, 2, ceil_mode=True, count_include_pad=False)),
    "AdaptiveAvgPool2d(1)": _pooled(nn.AdaptiveAvgPool2d(1)),
    "AdaptiveAvgPool2d(4)": block(lambda: nn.AdaptiveAvgPool2d(4)),
    "AdaptiveAvgPool2d(7), uneven": block(lambda: nn.AdaptiveAvgPool2d(7)),
    "AdaptiveMaxPool2d(1)": _pooled(nn.AdaptiveMaxPool2d(1)),
    "AdaptiveMaxPool2d(4)": block(lambda: nn.AdaptiveMaxPool2d(4)),
    "AdaptiveMaxPool2d(7), uneven": block(lambda: nn.AdaptiveMaxPool2d(7)),
    "average and maximum (catavgmax)": _pooled(_both, 2 * WIDTH),
    "mean": _pooled(lambda x: x.mean((2, 3))),
    "maximum (amax)": _pooled(lambda x: x.amax((2, 3))),
    "mean and deviation": _pooled(lambda x: torch.cat([x.mean((2, 3)), x.std((2, 3))], 1), 2 * WIDTH),
    "log-sum-exp": _pooled(lambda x: x.flatten(2).logsumexp(2)),
    "LPPool2d": block(lambda: nn.LPPool2d(2, 2)),
    "GeM": head(lambda: nn.Sequential(GeM(), nn.Flatten(), nn.Linear(WIDTH, CLASSES))),
    "BlurPool": block(Blur),
    "flattened features": head(
        lambda: nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(16 * WIDTH, CLASSES))
    ),
    "interpolate, nearest": _resized(scale_factor=2, mode="nearest"),
    "interpolate, bilinear": _resized(scale_factor=2, mode="bilinear"),
    "interpolate, bilinear, corners aligned": _resized(size=(24, 24), mode="bilinear", align_corners=True),
    "interpolate, bilinear, antialias": _resized(size=(8, 8), mode="bilinear", antialias=True),
    "interpolate, bicubic": _resized(scale_factor=2, mode="bicubic"),
    "interpolate, area": _resized(size=(8, 8), mode="area"),
}
