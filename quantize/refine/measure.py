"""The one pass over all calibration pictures that measures the range of every tensor, for all targets.

The quantizers of the targets would each run every picture through their own float model. DenseNet-121 and 100
pictures take 8 s of CPU time here.
"""

from typing import TYPE_CHECKING, Any

from ...export.graph import Network, Node
from ...models.captured import operator_name
from ..calibration import Calibration
from ..measured import PICTURES, ExtremesCollector, Measured, Statistics, statistics
from .simulation import extremes, planes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


def measure(network: Network, calibration: Calibration) -> Measured:
    """Run all pictures of `calibration` through `network`, one at a time, and watch every float tensor.

    One at a time, because the first dimension of a tensor is not always that of the pictures (windows of
    attention) and to keep memory small.
    """
    import numpy as np
    import torch
    from torch.fx import Interpreter

    record, seen = ExtremesCollector(), dict[str, list[Any]]()

    class Watching(Interpreter):
        """Notes the extremes of each value; statistics only of the first pictures."""

        counting = True

        def run_node(self, n: Node) -> Any:
            if n.op == "call_function":
                for part, value in _parts(n, self.fetch_args_kwargs_from_env(n)[0]):
                    self._note(f"{n.name}/{part}", value)
            result = super().run_node(n)
            if n.op in {"placeholder", "call_function"}:
                self._note(n.name, result)
            return result

        def _note(self, name: str, value: Any) -> None:
            if not isinstance(value, torch.Tensor) or not value.is_floating_point() or not value.numel():
                return
            record.add(name, *extremes(_as_stored(value)))
            if self.counting:
                seen.setdefault(name, []).append(statistics(value.numpy()))

    watch = Watching(network)
    with torch.inference_mode():
        for number, picture in enumerate(planes(calibration)):
            watch.counting = number < PICTURES
            watch.run(picture)
    known: dict[str, Statistics] = {name: np.stack(found) for name, found in seen.items()}
    return Measured(record.extremes(), known)


def _parts(node: Node, arguments: Any) -> "Iterator[tuple[str, Tensor]]":
    """The tensors between the operators that converters make of one: SiLU, and a batch norm not folded."""
    import torch

    kind = operator_name(node)
    if kind in {"silu", "silu_"}:
        yield "gate", torch.sigmoid(arguments[0])
    elif kind == "batch_norm" and arguments[3] is not None:
        x, gain, _, mean, variance, _, _, epsilon, *_ = arguments
        shape = (1, -1, *[1] * (x.dim() - 2))
        centred = x - mean.reshape(shape)
        yield "centred", centred
        scaled = centred.mul_(torch.rsqrt(variance + epsilon).reshape(shape))
        yield "scaled", scaled
        if gain is not None:
            yield "gained", scaled.mul_(gain.reshape(shape))


def _as_stored(value: "Tensor") -> "Tensor":
    """A view in the order of memory where there is one, because `aminmax` copies others: 2 times faster."""
    import torch

    if value.dim() == 4 and value.is_contiguous(memory_format=torch.channels_last):
        return value.permute(0, 2, 3, 1)
    return value
