"""Where a quantized network loses its signal: the SQNR of every layer's output (arXiv 2302.05397)."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..models.spec import Tensor32
from .tflite import layer_outputs


@dataclass(frozen=True, slots=True)
class LayerError:
    """10 log10(sum f^2 / sum (f - q)^2) over a layer's output, in dB, errors from the input on included."""

    name: str
    operator: str
    shape: tuple[int, ...]
    sqnr_db: float


def worst_layers(exact: Path, quantized: Path, pictures: Tensor32, count: int) -> list[LayerError]:
    """The `count` layers with the lowest SQNR over `pictures` (N, S, S, 3), worst first.

    `exact` is the float file that was quantized, so that both have tensors of the same names.
    """
    signal: dict[str, float] = defaultdict(float)
    noise: dict[str, float] = defaultdict(float)
    seen: dict[str, tuple[str, tuple[int, ...]]] = {}
    for picture in pictures:
        ours = layer_outputs(quantized, picture[None])
        for name, (operator, value) in layer_outputs(exact, picture[None]).items():
            if name in ours:
                seen[name] = operator, value.shape
                signal[name] += float(np.square(value, dtype=np.float64).sum())
                noise[name] += float(np.square(value - ours[name][1], dtype=np.float64).sum())
    errors = [
        LayerError(name, *seen[name], float(10 * np.log10(signal[name] / noise[name])))
        for name in seen
        if signal[name] > 0 and noise[name] > 0
    ]
    return sorted(errors, key=lambda error: error.sqnr_db)[:count]
