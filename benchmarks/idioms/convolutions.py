"""Convolutions of every kind."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import DeformConv2d

from .build import WIDTH, block, function


def _same(x: Tensor, layer: nn.Module) -> Tensor:
    """TensorFlow's padding for a stride of 2: one row and column after the picture alone."""
    padded: Tensor = layer(F.pad(x, (0, 1, 0, 1)))
    return padded


def _sequence(x: Tensor, layer: nn.Module) -> Tensor:
    convolved: Tensor = layer(x.flatten(2))
    return convolved.unflatten(2, x.shape[2:])


def _deformed(x: Tensor, offsets: nn.Module, layer: nn.Module) -> Tensor:
    moved: Tensor = layer(x, offsets(x))
    return moved


def _involution(x: Tensor, kernel: nn.Module) -> Tensor:
    """A kernel for every place, computed from the features (arXiv 2103.06255)."""
    weights = kernel(x).unflatten(1, (1, 9))
    patches = F.unfold(x, 3, padding=1).unflatten(1, (WIDTH, 9)).unflatten(3, x.shape[2:])
    return (patches * weights).sum(2)


def _experts(x: Tensor, routing: nn.Module, first: nn.Module, second: nn.Module) -> Tensor:
    """Two convolutions whose weights are mixed for every picture (CondConv, arXiv 1904.04971)."""
    share = torch.sigmoid(routing(x.mean((2, 3))))[:, :, None, None]
    mixed: Tensor = first(x) * share[:, :1] + second(x) * share[:, 1:]
    return mixed


def _mixed(x: Tensor, *layers: nn.Module) -> Tensor:
    """Kernels of several sizes, each on its own channels (MixConv, arXiv 1907.09595)."""
    parts = x.chunk(len(layers), 1)
    return torch.cat([layer(part) for layer, part in zip(layers, parts, strict=True)], 1)


def _conv(size: int = 3, **options: object) -> nn.Module:
    return nn.Conv2d(WIDTH, WIDTH, size, **options)  # type: ignore[arg-type]


NETWORKS = {
    "Conv2d 3x3": block(lambda: _conv(padding=1)),
    "Conv2d 1x1": block(lambda: _conv(1)),
    "Conv2d 1x7 and 7x1": block(
        lambda: nn.Sequential(
            nn.Conv2d(WIDTH, WIDTH, (1, 7), padding=(0, 3)), nn.Conv2d(WIDTH, WIDTH, (7, 1), padding=(3, 0))
        )
    ),
    "even kernel, stride 2": block(lambda: _conv(4, stride=2, padding=1)),
    "patches, stride = kernel": block(lambda: _conv(4, stride=4)),
    "stride 2, padded on one side": function(_same, lambda: _conv(stride=2)),
    "padding='same'": block(lambda: _conv(5, padding="same")),
    "depthwise": block(lambda: _conv(padding=1, groups=WIDTH)),
    "depthwise, multiplier 2": block(lambda: nn.Conv2d(WIDTH, 2 * WIDTH, 3, padding=1, groups=WIDTH)),
    "depthwise 7x7": block(lambda: _conv(7, padding=3, groups=WIDTH)),
    "grouped": block(lambda: _conv(padding=1, groups=4)),
    "dilated": block(lambda: _conv(padding=2, dilation=2)),
    "dilated depthwise": block(lambda: _conv(5, padding=6, dilation=3, groups=WIDTH)),
    "circular padding": block(lambda: _conv(padding=1, padding_mode="circular")),
    "reflect padding": block(lambda: _conv(padding=1, padding_mode="reflect")),
    "replicate padding": block(lambda: _conv(padding=1, padding_mode="replicate")),
    "ConvTranspose2d": block(lambda: nn.ConvTranspose2d(WIDTH, WIDTH, 2, 2)),
    "ConvTranspose2d, output padding": block(
        lambda: nn.ConvTranspose2d(WIDTH, WIDTH, 3, 2, padding=1, output_padding=1)
    ),
    "ConvTranspose2d, grouped": block(lambda: nn.ConvTranspose2d(WIDTH, WIDTH, 2, 2, groups=4)),
    "Conv1d": function(_sequence, lambda: nn.Conv1d(WIDTH, WIDTH, 5, padding=2)),
    "MixConv": function(
        _mixed,
        lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8),
        lambda: nn.Conv2d(8, 8, 5, padding=2, groups=8),
    ),
    "CondConv, mixed outputs": function(
        _experts, lambda: nn.Linear(WIDTH, 2), lambda: _conv(padding=1), lambda: _conv(padding=1)
    ),
    "involution": function(_involution, lambda: nn.Conv2d(WIDTH, 9, 1)),
    "deformable": function(
        _deformed,
        lambda: nn.Conv2d(WIDTH, 18, 3, padding=1),
        lambda: DeformConv2d(WIDTH, WIDTH, 3, padding=1),
    ),
}
