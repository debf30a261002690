"""Damages an INT8 TFLite file in known ways, so that the accuracy gate has something to find.

Each fault changes the numbers of a few layers and nothing else, as a wrong converter or quantizer would.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgewise.export.tflite.flatbuffer import pack, unpack

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, OperatorT

Values = NDArray[np.float64]

_WEIGHT, _BIAS = (1, np.int8), (2, np.int32)  # where an operator has them, and their type


def damaged(healthy: bytes) -> Iterator[tuple[str, bytes]]:
    """The file with one kind of fault each, in several strengths; each begins with the healthy file."""
    for title, (place, kind), count, change in _faults():
        model, picks = unpack(healthy), np.random.default_rng(1)
        layers = [op for op in model.subgraphs[0].operators if _is_layer(model, op)]
        for at in picks.permutation(len(layers))[:count]:
            _edit(model, layers[at], place, kind, change)
        yield title, pack(model)


def _faults() -> Iterator[tuple[str, tuple[int, type], int | None, Callable[[Values], Values]]]:
    """A title, what is changed of how many layers (None means all), and how."""
    for layers in (2, 6, 12):
        yield f"{layers} layers of 4 bits", _WEIGHT, layers, lambda values: np.rint(values / 16) * 16
    for share in (0.8, 0.6):
        yield f"weights clipped to {share:.0%} of their range", _WEIGHT, None, _clipped(127 * share)
    for layers, factor in ((2, 1.3), (6, 1.3), (20, 1.3)):
        yield f"biases of {layers} layers {factor:g} times too large", _BIAS, layers, _scaled(factor)
    for layers, share in ((1, 0.1), (4, 0.1), (4, 0.5)):
        yield (
            f"{share:.0%} of the channels' biases of {layers} layers permuted",
            _BIAS,
            layers,
            _rolled(share),
        )


def _clipped(largest: float) -> Callable[[Values], Values]:
    return lambda values: np.clip(values, -largest, largest)


def _scaled(factor: float) -> Callable[[Values], Values]:
    return lambda values: values * factor


def _rolled(share: float) -> Callable[[Values], Values]:
    def rolled(values: Values) -> Values:
        first = max(2, int(share * len(values)))
        return np.concatenate([np.roll(values[:first], 1), values[first:]])

    return rolled


def _is_layer(model: "ModelT", operator: "OperatorT") -> bool:
    """Whether it has weights and a bias of the types of INT8 layers."""
    inputs: Sequence[int] = [] if operator.inputs is None else operator.inputs
    if len(inputs) != 3 or min(inputs) < 0:
        return False
    return all(
        model.buffers[model.subgraphs[0].tensors[index].buffer].data is not None for index in inputs[1:]
    )


def _edit(
    model: "ModelT", operator: "OperatorT", place: int, kind: type, change: Callable[[Values], Values]
) -> None:
    buffer = model.buffers[model.subgraphs[0].tensors[operator.inputs[place]].buffer]
    limits = np.iinfo(kind)
    values = np.frombuffer(bytes(buffer.data), kind).astype(np.float64)
    changed = np.clip(np.rint(change(values)), limits.min, limits.max).astype(kind)
    buffer.data = np.frombuffer(changed.tobytes(), np.uint8)
