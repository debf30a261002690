"""What the small networks have in common: a stem, one block, a head.

Features are (N, 16, 16, 16) for pictures of 32 x 32 pixels.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

WIDTH, SIDE, CLASSES = 16, 16, 10
Make = Callable[[], nn.Module]


class Do(nn.Module):
    """A function as a module, with the modules that it uses."""

    def __init__(self, function: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        """Call the function with the features and the modules."""
        return self.function(x, *self.parts)


class Residual(nn.Module):
    """The features, and what a block makes of them."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        """Add both."""
        return x + self.block(x)


def stem() -> nn.Sequential:
    """From pictures to features."""
    return nn.Sequential(nn.Conv2d(3, WIDTH, 3, 2, 1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU())


def block(make: Make) -> Make:
    """A network with that block between a stem and a head, whatever the shape of its features."""
    return lambda: _seeded(lambda: nn.Sequential(stem(), make(), _convolution(), nn.ReLU(), _Head()))


def head(make: Make) -> Make:
    """A network that ends with that module, which takes features and gives logits."""
    return lambda: _seeded(lambda: nn.Sequential(stem(), make()))


def function(call: Callable[..., Tensor], *parts: Make) -> Make:
    """A network whose block is that function."""
    return block(lambda: Do(call, *(part() for part in parts)))


def tokens(make: Make) -> Make:
    """A network whose block works on tokens, (N, 256, 16), as transformers do."""
    return function(_on_tokens, make)


def _on_tokens(x: Tensor, part: nn.Module) -> Tensor:
    sequence = x.flatten(2).transpose(1, 2)
    return (sequence + part(sequence)).transpose(1, 2).reshape(x.shape)


def _convolution() -> nn.Module:
    return nn.LazyConv2d(WIDTH, 3, padding=1)


class _Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the mean features."""
        logits: Tensor = self.linear(x.mean((2, 3)))
        return logits


def _seeded(make: Make) -> nn.Module:
    """The network with weights that are always the same, and batch norms that have seen pictures."""
    torch.manual_seed(0)
    network = make().train()
    with torch.no_grad():
        for _ in range(4):
            network(torch.randn(8, 3, 2 * SIDE, 2 * SIDE))
    return network.eval()
