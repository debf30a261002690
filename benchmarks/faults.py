"""Damages an INT8 TFLite file in known ways, so that the accuracy gate has something to find.

Each fault changes the numbers of some layers and nothing else, as a wrong converter or quantizer would.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgewise.export.tflite.flatbuffer import pack, unpack

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, OperatorT

Values: TypeAlias = NDArray[np.float64]
Change: TypeAlias = Callable[[Values], Values]

_WEIGHT, _BIAS = (1, np.int8), (2, np.int32)  # where an operator has them, and their type


@dataclass(frozen=True, slots=True)
class Fault:
    """What is changed, in how many layers (None means all), and how."""

    title: str
    place: tuple[int, type]
    layers: int | None
    change: Change


def damaged(healthy: bytes, fault: Fault) -> bytes:
    """The healthy file with that fault; faults in as many layers are in the same layers."""
    model, picks = unpack(healthy), np.random.default_rng(1)
    layers = [op for op in model.subgraphs[0].operators if _is_layer(model, op)]
    for at in picks.permutation(len(layers))[: fault.layers]:
        _edit(model, layers[at], fault)
    return pack(model)


def _coarse(bits: int) -> Change:
    step = 2 ** (8 - bits)
    return lambda values: np.rint(values / step) * step


def _clipped(share: float) -> Change:
    return lambda values: np.clip(values, -127 * share, 127 * share)


def _scaled(factor: float) -> Change:
    return lambda values: values * factor


def _rolled(share: float) -> Change:
    def rolled(values: Values) -> Values:
        first = max(2, int(share * len(values)))
        return np.concatenate([np.roll(values[:first], 1), values[first:]])

    return rolled


def _words(layers: int | None) -> str:
    return "all layers" if layers is None else f"{layers} layer{'s' * (layers > 1)}"


# Most do little or a middling harm: the gate is easily right about files that lose everything.
FAULTS = (
    *(Fault(f"{_words(count)} of 4 bits", _WEIGHT, count, _coarse(4)) for count in (2, 3, 4, 6, 8, 12)),
    *(Fault(f"all layers of {bits} bits", _WEIGHT, None, _coarse(bits)) for bits in (7, 6, 5)),
    *(
        Fault(
            f"weights of {_words(count)} clipped to {share:.0%} of their range",
            _WEIGHT,
            count,
            _clipped(share),
        )
        for count, share in ((None, 0.98), (None, 0.95), (None, 0.9), (None, 0.8), (4, 0.8), (12, 0.8))
    ),
    *(
        Fault(f"biases of {_words(count)} {factor:g} times too large", _BIAS, count, _scaled(factor))
        for count, factor in ((2, 1.1), (6, 1.05), (6, 1.1), (None, 1.02), (2, 1.3), (6, 1.3), (20, 1.3))
    ),
    *(
        Fault(
            f"{share:.0%} of the channels' biases of {_words(count)} permuted", _BIAS, count, _rolled(share)
        )
        for count, share in ((1, 0.05), (2, 0.05), (1, 0.1), (4, 0.1), (4, 0.5))
    ),
)


def _is_layer(model: "ModelT", operator: "OperatorT") -> bool:
    """Whether it has weights and a bias of the types of INT8 layers."""
    inputs: Sequence[int] = [] if operator.inputs is None else operator.inputs
    if len(inputs) != 3 or min(inputs) < 0:
        return False
    return all(
        model.buffers[model.subgraphs[0].tensors[index].buffer].data is not None for index in inputs[1:]
    )


def _edit(model: "ModelT", operator: "OperatorT", fault: Fault) -> None:
    place, kind = fault.place
    buffer = model.buffers[model.subgraphs[0].tensors[operator.inputs[place]].buffer]
    limits = np.iinfo(kind)
    values = np.frombuffer(bytes(buffer.data), kind).astype(np.float64)
    changed: NDArray[Any] = np.clip(np.rint(fault.change(values)), limits.min, limits.max).astype(kind)
    buffer.data = np.frombuffer(changed.tobytes(), np.uint8)
