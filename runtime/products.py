"""How often pairs of INT8 products exceed 16 bits on given pictures: see `export/pairs.py`.

The activations are those of exact arithmetic, so the counts do not depend on this machine's processor.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..export import pairs
from ..models.spec import Tensor32

_LARGEST_SUM = 2**15 - 1


@dataclass(frozen=True, slots=True, eq=False)
class IntegerLayer:
    """A convolution or matrix product with INT8 weights `steps`, (O, I, kernel ...) or (O, K).

    `strides`, `dilations` and the padding `before` and `after` have a number for each side of the kernel;
    `zero` is the activation that pads.
    """

    name: str
    steps: NDArray[np.int8]
    groups: int = 1
    strides: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    zero: int = 0


Activations: TypeAlias = NDArray[np.uint8]  # (N, C, ...) of a convolution, (..., K) of a matrix product
Watch: TypeAlias = Callable[
    [Tensor32], Iterator[tuple[IntegerLayer, Activations]]
]  # of pictures (N, H, W, C)


@dataclass(frozen=True, slots=True)
class Count:
    """What a layer computed: `exceeded` of the `sums` of its pairs that can exceed 16 bits did.

    `changed` of its output `values` contain such a sum.
    """

    exceeded: int = 0
    sums: int = 0
    changed: int = 0
    values: int = 0

    @property
    def share(self) -> float:
        """The share of the values that contain a sum beyond 16 bits."""
        return self.changed / self.values if self.values else 0.0

    def __add__(self, other: "Count") -> "Count":
        """The counts of both."""
        return Count(
            self.exceeded + other.exceeded,
            self.sums + other.sums,
            self.changed + other.changed,
            self.values + other.values,
        )


def count(layer: IntegerLayer, activations: Activations) -> Count:
    """Compute the sums of the pairs of `layer` that can exceed 16 bits, and compare each with 16 bits.

    Where the kernels of the engines differ in what is a pair, the order with more that exceed counts.
    """
    if layer.steps.ndim == 2:
        activations = activations.reshape(-1, activations.shape[-1])
    sides = zip(layer.before, layer.after, strict=True)
    padded = np.pad(activations, [(0, 0), (0, 0), *sides], constant_values=layer.zero)
    orders = [_count(layer, padded, *found) for found in pairs.unsafe(layer.steps)]
    return max(orders, key=lambda found: found.exceeded)


def _count(
    layer: IntegerLayer,
    padded: Activations,
    outputs: NDArray[np.intp],
    firsts: NDArray[np.intp],
    seconds: NDArray[np.intp],
) -> Count:
    rows = np.abs(pairs.as_rows(layer.steps).astype(np.int32))
    by_inputs: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for output, first, second in zip(outputs.tolist(), firsts.tolist(), seconds.tolist(), strict=True):
        by_inputs[output * layer.groups // len(rows), first, second].append(output)
    places = _places(layer, padded)
    exceeded, changed = 0, {output: np.zeros(places, bool) for output in set(outputs.tolist())}
    for (group, first, second), channels in by_inputs.items():
        one, other = (_column(layer, padded, group, number, places) for number in (first, second))
        for channel in channels:
            above = one * rows[channel, first] + other * rows[channel, second] > _LARGEST_SUM
            exceeded += int(np.count_nonzero(above))
            changed[channel] |= above
    size = int(np.prod(places))
    found = sum(int(np.count_nonzero(values)) for values in changed.values())
    return Count(exceeded, len(outputs) * size, found, len(rows) * size)


def _places(layer: IntegerLayer, padded: Activations) -> tuple[int, ...]:
    """The shape of one output channel, (N, ...)."""
    sides = zip(padded.shape[2:], layer.steps.shape[2:], layer.strides, layer.dilations, strict=True)
    return len(padded), *(
        (side - (kernel - 1) * dilation - 1) // stride + 1 for side, kernel, stride, dilation in sides
    )


def _column(
    layer: IntegerLayer, padded: Activations, group: int, number: int, places: tuple[int, ...]
) -> NDArray[np.int32]:
    """What the weights of that number, in the order of `pairs.as_rows`, are multiplied with: `places`."""
    inputs = layer.steps.shape[1]
    position, channel = divmod(number, inputs)
    offsets = np.unravel_index(position, layer.steps.shape[2:]) if layer.steps.ndim > 2 else ()
    windows = (
        slice(int(offset) * dilation, int(offset) * dilation + (count - 1) * stride + 1, stride)
        for offset, dilation, stride, count in zip(
            offsets, layer.dilations, layer.strides, places[1:], strict=True
        )
    )
    return padded[(slice(None), group * inputs + channel, *windows)].astype(np.int32)
