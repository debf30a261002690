"""Restores the statistics of batch norms that were folded into their convolutions.

Some tools fold batch norms into convolutions and leave identities in their place: mean 0, variance 1, only a
shift. Such a checkpoint gives the same outputs in evaluation, but in training the norms use the statistics of
each batch, which changes the network from the first step. If m and v are the mean and variance of the norm's
input, the same function is mean m, variance v, gain g * sqrt(v) and shift b + g * m, which also holds in
training.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

_NEAR = 1e-3  # tools write 1, or 1 minus epsilon


def is_folded(module: "nn.Module") -> bool:
    """Whether it is a batch norm with initial statistics but a non-zero shift, unlike an untrained one."""
    from torch.nn.modules.batchnorm import _BatchNorm

    if not isinstance(module, _BatchNorm) or module.running_mean is None or module.running_var is None:
        return False
    unused = not module.running_mean.any() and bool(((module.running_var - 1).abs() < _NEAR).all())
    return unused and module.bias is not None and bool(module.bias.any())


def unfold(network: "nn.Module", batches: Iterable["Tensor"]) -> int:
    """Rewrite the folded batch norms of `network` with statistics from `batches`, (N, C, H, W) each.

    The network's outputs stay the same up to rounding. Returns the number of norms rewritten.
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
    """The sums per channel over all batches."""

    def __init__(self) -> None:
        self._count = 0
        self._sum: Any = 0.0  # tensors (C,) once there are pictures
        self._squares: Any = 0.0

    def __call__(self, _: "nn.Module", inputs: tuple[Any, ...]) -> None:
        """Add the norm's input, (N, C, ...)."""
        values = inputs[0].transpose(0, 1).flatten(1).double()
        self._count += values.shape[1]
        self._sum = self._sum + values.sum(1)
        self._squares = self._squares + values.square().sum(1)

    def give(self, norm: Any) -> None:
        """Set these statistics on `norm` without changing its function."""
        if not self._count:
            return
        mean = self._sum / self._count
        variance = (self._squares / self._count - mean**2).clamp_min(0)
        gain = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.bias.copy_(norm.bias.double() + gain * mean)
        norm.weight.copy_(gain * (variance + norm.eps).sqrt())
