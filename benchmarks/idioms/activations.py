"""Activations, by their module, and those that are written out."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .build import WIDTH, Do, Make, block


def _after(make: Make) -> Make:
    """A network in which the activation follows a convolution, as most do."""
    return block(lambda: nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 3, padding=1), make()))


class Star(nn.Module):
    """s relu(x)^2 + b with learned s and b (MetaFormer's StarReLU, arXiv 2210.13452)."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.bias = nn.Parameter(torch.tensor(0.9)), nn.Parameter(torch.tensor(-0.4))

    def forward(self, x: Tensor) -> Tensor:
        """Activate."""
        return self.scale * F.relu(x).square() + self.bias


def _as_function(call: Callable[[Tensor], Tensor]) -> Make:
    return _after(lambda: Do(call))


_MODULES: dict[str, Make] = {
    "ReLU": nn.ReLU,
    "ReLU6": nn.ReLU6,
    "LeakyReLU": lambda: nn.LeakyReLU(0.1),
    "PReLU, one slope": nn.PReLU,
    "PReLU, a slope per channel": lambda: nn.PReLU(WIDTH),
    "RReLU": nn.RReLU,
    "ELU": nn.ELU,
    "SELU": nn.SELU,
    "CELU": lambda: nn.CELU(0.5),
    "GELU": nn.GELU,
    "GELU, tanh": lambda: nn.GELU("tanh"),
    "SiLU": nn.SiLU,
    "Mish": nn.Mish,
    "Hardswish": nn.Hardswish,
    "Hardsigmoid": nn.Hardsigmoid,
    "Hardtanh": lambda: nn.Hardtanh(-2, 2),
    "Hardshrink": nn.Hardshrink,
    "Softshrink": nn.Softshrink,
    "Softplus": nn.Softplus,
    "Softsign": nn.Softsign,
    "Sigmoid": nn.Sigmoid,
    "LogSigmoid": nn.LogSigmoid,
    "Tanh": nn.Tanh,
    "Tanhshrink": nn.Tanhshrink,
    "Threshold": lambda: nn.Threshold(0.1, 0.0),
    "GLU": lambda: nn.GLU(1),
    "StarReLU": Star,
}

NETWORKS = {
    **{name: _after(make) for name, make in _MODULES.items()},
    "squared ReLU": _as_function(lambda x: F.relu(x).square()),
    "hard Mish": _as_function(lambda x: 0.5 * x * (x + 2).clamp(0, 2)),
    "Hardswish, written out": _as_function(lambda x: x * F.relu6(x + 3) / 6),
    "Hardsigmoid, written out": _as_function(lambda x: F.relu6(x + 3) / 6),
    "SiLU, written out": _as_function(lambda x: x * torch.sigmoid(x)),
    "quick GELU": _as_function(lambda x: x * torch.sigmoid(1.702 * x)),
    "Maxout": _as_function(lambda x: torch.maximum(*x.chunk(2, 1))),
    "softmax over channels": _as_function(lambda x: x.softmax(1)),
    "where": _as_function(lambda x: torch.where(x > 0, x, 0.2 * x)),
}
