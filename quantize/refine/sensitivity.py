"""Which layers suffer from INT8: the SQNR of every layer's output, without labels, in one pass.

A layer's own SQNR is that of its output when only this layer computes in INT8: one layer at a time, as in
the sensitivity analysis of arXiv 2004.09602 (partial quantization), with the metric of arXiv 2302.05397 (SQNR
on a few unlabelled pictures), but measured at the layer instead of the logits, so one pass covers all layers.
It finds the layers responsible: a simulated, unrefined MobileNetV2 with per-tensor weight scales agrees with
float on the top-1 class of 9 % of 100 photographs; with the first 1, 2 and 4 layers of this list in float, on
60, 89 and 93 %.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...export.graph import Network, Node
from ...models.captured import operator_name
from ..calibration import Calibration
from ..recipe import Recipe
from .simulation import (
    PICTURES,
    Arguments,
    Signal,
    activated,
    is_float,
    layer_name,
    round_activation,
    run_layer,
    sample,
    simulate,
)

if TYPE_CHECKING:
    from torch import Tensor

_FINEST = 1e-15  # relative to the signal: the limit of float32, which also keeps the logarithm finite


@dataclass(frozen=True, slots=True)
class LayerError:
    """10 log10(sum f^2 / sum (f - q)^2) over the output of a layer, activation and rounding included, in dB.

    For `sqnr_db`, the layer's input, weights and output are in INT8 and all layers before it in float; for
    `through_db`, those are in INT8 too. `shape` is the output of one picture, (C, H, W) or (C,).
    """

    name: str
    operator: str
    shape: tuple[int, ...]
    sqnr_db: float
    through_db: float


def sensitivities(
    network: Network, calibration: Calibration, recipe: Recipe, count: int = PICTURES
) -> list[LayerError]:
    """The errors of all layers of `network` that `recipe` quantizes, worst own SQNR first.

    They are those on `count` pictures. `network` is not changed. Layers with an all-zero output have no SQNR
    and are left out.
    """
    import torch

    errors: list[LayerError] = []

    def measure(layer: Node, arguments: Arguments, _: Arguments, signal: Signal) -> Signal:
        exact = activated(layer, signal.float)
        if not is_float(layer, recipe) and exact.square().any():
            alone = _alone(layer, arguments, recipe)
            sqnr_db, through_db = (
                _sqnr_db(exact, round_activation(activated(layer, output), exact))
                for output in (alone, signal.quantized)
            )
            shape = tuple(exact.shape[1:])
            errors.append(LayerError(layer_name(layer), operator_name(layer), shape, sqnr_db, through_db))
        return signal

    with torch.no_grad():
        simulate(network, sample(calibration, count), recipe, measure)
    unique: dict[str, LayerError] = {}
    for error in sorted(errors, key=lambda error: error.sqnr_db):
        unique.setdefault(error.name, error)  # a module that runs twice is listed with its worse result
    return list(unique.values())


def _alone(layer: Node, arguments: Arguments, recipe: Recipe) -> "Tensor":
    """The layer's output if only its input and weight are rounded."""
    (x, *rest), named = arguments
    return run_layer(layer, ((round_activation(x, x), *rest), named), recipe)


def _sqnr_db(exact: "Tensor", rounded: "Tensor") -> float:
    signal, noise = exact.square().sum().item(), (exact - rounded).square_().sum().item()
    return 10 * math.log10(signal / max(noise, _FINEST * signal))
