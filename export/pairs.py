"""Pairs of products: which INT8 weights can exceed 16 bits on x86 without VNNI, and weights that cannot.

There, ONNX Runtime and oneDNN multiply unsigned activations with signed weights by VPMADDUBSW, which adds the
products of two neighbours in 16 bits and saturates. Two weights of the same sign whose magnitudes add up to
more than 128 exceed 32767 where both activations are 255; all other pairs are exact whatever the activations.

Neighbours are two successive weights of an output channel in the order kernel row, kernel column, input
channel. ONNX Runtime, and oneDNN's matrix products, number them through the whole kernel; oneDNN's
convolutions begin again at each kernel position, which differs where the number of input channels is odd.
(Measured on a processor with AVX2: every pair of weights in a channel of its own, in convolutions of 1 to 64
channels and 1 x 1 to 5 x 5 kernels, in grouped ones and in matrix products.) Depthwise convolutions add in 32
bits in both.

Eight bits are therefore safe but for few channels, and those few need less than the blanket seven bits of
`reduce_range` in ONNX Runtime and `overflow_fix` in NNCF.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

_Pairs: TypeAlias = NDArray[np.intp]  # (2, pairs): the numbers of two neighbours in a channel

_LARGEST_ACTIVATION = 255
_LARGEST_SUM = 2**15 - 1
LIMIT = _LARGEST_SUM // _LARGEST_ACTIVATION  # the largest sum of two magnitudes that is safe: 128
_MOST = 127
_EXACT = 1e-3  # steps; what float32 leaves of weights that lie on them
_FEWEST = 64  # at this range any two weights are safe
_GRID = tuple(float(steps) for steps in range(_MOST, _FEWEST - 1, -3))  # 22 ranges, 127 to 64
_MOST_WEIGHTS = 1 << 26  # of which the results are kept


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """INT8 weights: `steps` in the shape of the weight, (O, I, ...), and `scale`, (O,) float32."""

    steps: NDArray[np.int8]
    scale: NDArray[np.float32]

    @property
    def values(self) -> NDArray[np.float32]:
        """What they stand for: steps times scale."""
        shape = (-1, *[1] * (self.steps.ndim - 1))
        return np.asarray(self.steps * self.scale.reshape(shape), np.float32)


_recent: dict[bytes, Grid | None] = {}
_lock = Lock()


def is_depthwise(shape: tuple[int, ...], groups: int) -> bool:
    """Whether a convolution with weights (O, I, ...) has groups of one input and one output channel."""
    return shape[1] == 1 and groups == shape[0] > 1


def excess(steps: NDArray[Any]) -> tuple[int, int]:
    """How many pairs of the INT8 weights (O, I, ...) can exceed 16 bits, and their largest sum.

    Only pairs of one sign count, for others cannot. Both are for the largest activation, 255. Where the
    kernels differ in what is a pair, the one with more that exceed 16 bits counts.
    """
    rows = as_rows(steps).astype(np.int32)
    sums = [_sums(rows, pairs) * _LARGEST_ACTIVATION for pairs in _orders(steps.shape)]
    counts = [int((found > _LARGEST_SUM).sum()) for found in sums]
    return max(counts), max(int(found.max(initial=0)) for found in sums)


def unsafe(steps: NDArray[Any]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]]:
    """For each order of kernels, the pairs of the INT8 weights (O, I, ...) that can exceed 16 bits.

    They are given as output channels and the numbers of both neighbours in a row of `as_rows`.
    """
    rows = as_rows(steps).astype(np.int32)
    for pairs in _orders(steps.shape):
        outputs, numbers = np.nonzero(_sums(rows, pairs) > LIMIT)
        yield outputs, pairs[0][numbers], pairs[1][numbers]


def grid(weight: NDArray[np.float32], *, per_channel: bool, safe: bool) -> Grid:
    """The weight (O, I, ...) on symmetric steps: plain rounding, or with `safe` as `fitted` rounds it."""
    found = fitted(weight, per_channel=per_channel) if safe else None
    if found is not None:
        return Grid(found.steps.copy(), found.scale.copy())  # which can be written
    rows = as_rows(weight).astype(np.float32)
    scale = _widest(rows, per_channel=per_channel) / np.float32(_MOST)
    scale[scale == 0] = 1
    return Grid(restored(np.rint(rows / scale[:, None]), weight.shape).astype(np.int8), scale)


def partners(shape: tuple[int, ...]) -> list[NDArray[np.int64]]:
    """For each order of kernels, the neighbour of each weight in a row of `as_rows`; -1 for none."""
    found = []
    for first, second in _orders(shape):
        partner = np.full(int(np.prod(shape[1:])), -1)
        partner[first], partner[second] = second, first
        found.append(partner)
    return found


def _kept(rows: NDArray[np.float32], orders: list[_Pairs], *, per_channel: bool) -> Grid | None:
    """The steps that the rows lie on already, if these are safe; None if there are none."""
    widest = _widest(rows, per_channel=per_channel)
    steps, scale = np.zeros_like(rows), np.ones_like(widest)
    open_ = widest > 0
    for count in range(_MOST, _FEWEST - 1, -1):
        if not open_.any():
            break
        trial = widest / np.float32(count)
        exact = rows[open_] / trial[open_, None]
        on = np.abs(exact - np.rint(exact)).max(1) < _EXACT
        places, rounded = np.flatnonzero(open_)[on], np.rint(exact[on])
        safe = np.all([(_sums(rounded, pairs) <= LIMIT).all(1) for pairs in orders], axis=0)
        if not per_channel and not (on.all() and safe.all()):
            continue
        steps[places[safe]], scale[places[safe]] = rounded[safe], trial[places[safe]]
        open_[places[safe]] = False
    return None if open_.any() else Grid(steps.astype(np.int8), scale)


def _widest(rows: NDArray[np.float32], *, per_channel: bool) -> NDArray[np.float32]:
    """The largest magnitude of each row, or of all."""
    widest = np.abs(rows).max(1, initial=0)
    return widest if per_channel else np.full_like(widest, widest.max(initial=0))


def fitted(weight: NDArray[np.float32], *, per_channel: bool = True) -> Grid | None:
    """Round the weight (O, I, ...) so that no pair of products can exceed 16 bits; None if none can anyway.

    Weights that lie on safe steps already, as learned ones do (see `quantize/refine/rounding.py`), keep them.
    Otherwise a channel without such pairs gets the scale max |w| / 127 and plain rounding, and each of the
    others the scale between max |w| / 127 and max |w| / 64 at which the squared error is least, once every
    pair that exceeds the limit is moved to the nearest one that does not. Without `per_channel` all share one
    scale. The simulation and the files of several targets ask for the same weights, so results are kept.
    """
    content = np.ascontiguousarray(weight, np.float32)
    key = hashlib.sha256(repr((weight.shape, per_channel)).encode() + content.tobytes()).digest()
    with _lock:
        if key in _recent:
            return _recent[key]
    found = _fitted(content, per_channel=per_channel)
    if found is not None:
        found.steps.setflags(write=False)
        found.scale.setflags(write=False)
    with _lock:
        _recent[key] = found
        while sum(grid.steps.size for grid in _recent.values() if grid) > _MOST_WEIGHTS:
            del _recent[next(iter(_recent))]
    return found


def _fitted(weight: NDArray[np.float32], *, per_channel: bool) -> Grid | None:
    rows = as_rows(weight).astype(np.float32)
    orders = list(_orders(weight.shape))
    widest = _widest(rows, per_channel=per_channel)
    if (kept := _kept(rows, orders, per_channel=per_channel)) is not None:
        plain = ((kept.scale == widest / np.float32(_MOST)) | (widest == 0)).all()
        return None if plain else Grid(restored(kept.steps, weight.shape), kept.scale)
    scale = np.where(widest > 0, widest / np.float32(_MOST), np.float32(1))
    steps = np.rint(rows / scale[:, None])
    unsafe = np.zeros(len(rows), bool)
    for pairs in orders:
        unsafe |= (_sums(steps, pairs) > LIMIT).any(1)
    if not unsafe.any():
        return None
    if not per_channel:
        unsafe[:] = True
    steps[unsafe], scale[unsafe] = _best(rows[unsafe], widest[unsafe], orders, per_channel=per_channel)
    return Grid(restored(steps, weight.shape).astype(np.int8), scale)


def _best(
    rows: NDArray[np.float32], widest: NDArray[np.float32], orders: list[_Pairs], *, per_channel: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The safe steps of each row, and the scale, of all in `_GRID`, with the least squared error."""
    best, steps, scale = np.full(len(rows), np.inf), np.zeros_like(rows), np.zeros_like(widest)
    for count in _GRID:
        trial = np.maximum(widest / np.float32(count), np.finfo(np.float32).tiny)
        exact = rows / trial[:, None]
        moved = _moved(exact, orders)
        error = np.square((moved - exact) * trial[:, None]).sum(1)
        if not per_channel:
            error[:] = error.sum()
        better = error < best
        best[better], steps[better], scale[better] = error[better], moved[better], trial[better]
    return steps, scale


def _moved(exact: NDArray[np.float32], orders: list[_Pairs]) -> NDArray[np.float32]:
    """`exact` (rows, K), in steps, rounded, with every pair that exceeds the limit moved onto it.

    The nearest point of the line x + y = 128 lies at the same distance in both; rounding one of them rounds
    the other. Magnitudes only shrink, so pairs of an earlier order stay safe.
    """
    steps = np.rint(exact)
    for pairs in orders:
        row, number = np.nonzero(_sums(steps, pairs) > LIMIT)
        first, second = pairs[0][number], pairs[1][number]
        one, other = np.abs(exact[row, first]), np.abs(exact[row, second])
        sizes = np.abs(steps[row, first]), np.abs(steps[row, second])
        x = np.clip(np.rint((one - other + LIMIT) / 2), LIMIT - sizes[1], sizes[0])
        steps[row, first] = np.sign(exact[row, first]) * x
        steps[row, second] = np.sign(exact[row, second]) * (LIMIT - x)
    return steps


def _orders(shape: tuple[int, ...]) -> Iterator[_Pairs]:
    """For each order, the neighbours in a row of `as_rows`: (2, pairs)."""
    inputs, positions = shape[1], int(np.prod(shape[2:]))
    number = np.arange(inputs * positions).reshape(positions, inputs)
    whole = number.ravel()[: number.size // 2 * 2]
    yield np.stack([whole[::2], whole[1::2]])
    if inputs % 2 and positions > 1:
        even = number[:, : inputs - 1]
        yield np.stack([even[:, ::2].ravel(), even[:, 1::2].ravel()])


def _sums(rows: NDArray[Any], pairs: _Pairs) -> NDArray[Any]:
    """The magnitude of the sum of each pair of the same sign, (rows, pairs); 0 for one of different signs."""
    first, second = rows[:, pairs[0]], rows[:, pairs[1]]
    return np.where(first * second > 0, np.abs(first + second), 0)


def as_rows(weight: NDArray[Any]) -> NDArray[Any]:
    """(O, I, ...) as (O, K) in the order of kernels: kernel row, kernel column, input channel."""
    return np.ascontiguousarray(np.moveaxis(weight, 1, -1)).reshape(len(weight), -1)


def restored(rows: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The inverse of `as_rows`."""
    return np.ascontiguousarray(np.moveaxis(rows.reshape(shape[0], *shape[2:], shape[1]), -1, 1))
