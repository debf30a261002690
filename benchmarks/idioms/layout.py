"""Moving features about, and arithmetic between them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import StochasticDepth

from .build import SIDE, WIDTH, Residual, block, function


def _shuffled(x: Tensor) -> Tensor:
    """ShuffleNet's channel shuffle (arXiv 1707.01083)."""
    count, _, height, width = x.shape
    return x.reshape(count, 4, WIDTH // 4, height, width).transpose(1, 2).reshape(x.shape)


def _focus(x: Tensor) -> Tensor:
    """Every second pixel of each row and column, in channels, by slices."""
    return torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1)


def _partial(x: Tensor, layer: nn.Module) -> Tensor:
    """A convolution of a quarter of the channels (FasterNet, arXiv 2303.03667)."""
    first, rest = x.split([WIDTH // 4, WIDTH - WIDTH // 4], 1)
    return torch.cat([layer(first), rest], 1)


def _dense(x: Tensor, layer: nn.Module) -> Tensor:
    return torch.cat([x, layer(x)], 1)


def _fourier(x: Tensor) -> Tensor:
    """The global filter of GFNet (arXiv 2107.00645), without its weights."""
    return torch.fft.irfft2(torch.fft.rfft2(x), s=(SIDE, SIDE))


class Scaled(nn.Module):
    """A scale of each channel that is learned (layer scale, arXiv 2103.17239)."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(WIDTH, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scale."""
        return x * self.gamma


def _sampled(x: Tensor) -> Tensor:
    """The features, moved by a fixed grid, as spatial transformers do."""
    line = torch.linspace(-0.9, 0.9, SIDE)
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), 2).expand(x.shape[0], -1, -1, -1)
    return F.grid_sample(x, grid, align_corners=False)


NETWORKS = {
    "channel shuffle": function(_shuffled),
    "ChannelShuffle": block(lambda: nn.ChannelShuffle(4)),
    "PixelShuffle": block(lambda: nn.PixelShuffle(2)),
    "PixelUnshuffle": block(lambda: nn.PixelUnshuffle(2)),
    "space to depth, by slices": function(_focus),
    "unfold": function(lambda x: F.unfold(x, 2, stride=2).unflatten(2, (SIDE // 2, SIDE // 2))),
    "unfold and fold": function(lambda x: F.fold(F.unfold(x, 3, padding=1), (SIDE, SIDE), 3, padding=1) / 9),
    "ZeroPad2d, one side": block(lambda: nn.ZeroPad2d((0, 1, 0, 1))),
    "constant padding": function(lambda x: F.pad(x, (1, 1, 1, 1), value=0.5)),
    "flip": function(lambda x: x + x.flip(3)),
    "partial convolution, split": function(_partial, lambda: nn.Conv2d(4, 4, 3, padding=1)),
    "dense connection": function(_dense, lambda: nn.Conv2d(WIDTH, WIDTH, 3, padding=1)),
    "residual": block(lambda: Residual(nn.Conv2d(WIDTH, WIDTH, 3, padding=1))),
    "product of two branches": function(
        lambda x, first, second: F.relu6(first(x)) * second(x),
        lambda: nn.Conv2d(WIDTH, WIDTH, 1),
        lambda: nn.Conv2d(WIDTH, WIDTH, 1),
    ),
    "layer scale": block(Scaled),
    "normalisation inside": function(lambda x: (x - 0.5) / 0.25),
    "constant folded into a bias": function(
        lambda x, layer: layer(x + 3) - 2, lambda: nn.Conv2d(WIDTH, WIDTH, 1)
    ),
    "Dropout": block(nn.Dropout),
    "StochasticDepth": block(lambda: StochasticDepth(0.5, "row")),
    "gather of channels": function(lambda x: x[:, [*range(WIDTH - 1, -1, -1)]]),
    "cumsum": function(lambda x: x.cumsum(3) / SIDE),
    "exp and log": function(lambda x: torch.log1p(torch.exp(-x))),
    "sine": function(torch.sin),
    "division of features": function(lambda x: x / (1 + x.abs())),
    "square root": function(lambda x: torch.sqrt(x.abs() + 1)),
    "minimum and maximum": function(lambda x: torch.minimum(x, x.mean(1, keepdim=True))),
    "grid_sample": function(_sampled),
    "Fourier transform": function(_fourier),
}
