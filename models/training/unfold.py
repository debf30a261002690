"""Gives batch norms that were folded into their convolutions statistics of their own again.

A checkpoint may have passed through a tool that folds batch norms and keeps them as identities: mean 0,
variance 1, the shift a bias. It computes what it always did, until training normalises by each batch's own
statistics, and the network is another one from its first step on. With m and v the statistics of what such a
norm is given, the same function is mean m, variance v, gain g * sqrt(v) and shift b + g * m: it then stays
the same in training, too.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

_NEAR = 1e-3  # tools write 1, or 1 less the epsilon


def is_folded(module: "nn.Module") -> bool:
    """Whether it is a batch norm with the statistics of no data, and a shift that an untrained one lacks."""
    from torch.nn.modules.batchnorm import _BatchNorm

    if not isinstance(module, _BatchNorm) or module.running_mean is None or module.running_var is None:
        return False
    unused = not module.running_mean.any() and bool(((module.running_var - 1).abs() < _NEAR).all())
    return unused and module.bias is not None and bool(module.bias.any())


def unfold(network: "nn.Module", batches: Iterable["Tensor"]) -> int:
    """Rewrite the folded batch norms of `network` by what `batches`, (N, 3, S, S) each, give them.

    What the network computes stays the same but for rounding. Returns how many there are.
    """
    import torch

    moments = {norm: _Moments() for norm in network.modules() if is_folded(norm)}
    if not moments:
        return 0
    hooks = [norm.register_forward_pre_hook(found) for norm, found in moments.items()]
    network.eval()
    with torch.no_grad():
        for batch in batches:
            network(batch)
        for norm, found in moments.items():
            found.give(norm)
    for hook in hooks:
        hook.remove()
    return len(moments)


class _Moments:
    """The sums of each channel, over all batches."""

    def __init__(self) -> None:
        self._count = 0
        self._sum: Any = 0.0  # tensors (C,) once there are pictures
        self._squares: Any = 0.0

    def __call__(self, _: "nn.Module", inputs: tuple[Any, ...]) -> None:
        """Add what the norm is given, (N, C, ...)."""
        values = inputs[0].transpose(0, 1).flatten(1).double()
        self._count += values.shape[1]
        self._sum = self._sum + values.sum(1)
        self._squares = self._squares + values.square().sum(1)

    def give(self, norm: Any) -> None:
        """Let `norm` have these statistics, and compute the same."""
        if not self._count:
            return
        mean = self._sum / self._count
        variance = (self._squares / self._count - mean**2).clamp_min(0)
        gain = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.bias.copy_(norm.bias.double() + gain * mean)
        norm.weight.copy_(gain * (variance + norm.eps).sqrt())
