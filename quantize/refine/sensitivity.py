"""Which layers lose the signal to INT8: the SQNR of every layer's output, without labels, in one pass.

A layer's own SQNR is that of its output when it alone computes in INT8: one layer at a time, as in the
sensitivity analysis of arXiv 2004.09602 (partial quantization), by the measure of arXiv 2302.05397 (SQNR on
a few unlabelled pictures), but taken at the layer instead of the logits, so that one pass serves all layers.
It finds the culprits: an unrefined MobileNetV2 with one scale for each weight tensor, simulated, agrees with
float on the class of 0.09 of 100 photographs; with the first 1, 2 and 4 layers of this list in float, of
0.60, 0.89 and 0.93.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...export.graph import Network, Node
from ..calibration import Calibration
from ..recipe import Recipe
from .simulation import (
    Arguments,
    Signal,
    activated,
    is_float,
    layer_name,
    operator,
    round_activation,
    run_layer,
    sample,
    simulate,
)

if TYPE_CHECKING:
    from torch import Tensor

_FINEST = 1e-15  # of the signal: float32 itself is no finer, and a logarithm wants no zero


@dataclass(frozen=True, slots=True)
class LayerError:
    """10 log10(sum f^2 / sum (f - q)^2) over the output of a layer, activation and rounding included, in dB.

    `sqnr_db` has this layer's input, weights and output in INT8 and all before it in float; `through_db` has
    all before it in INT8 too. `shape` is that of one picture's output, (C, H, W) or (C,).
    """

    name: str
    operator: str
    shape: tuple[int, ...]
    sqnr_db: float
    through_db: float


def sensitivities(network: Network, calibration: Calibration, recipe: Recipe) -> list[LayerError]:
    """The errors of all layers of `network` that `recipe` quantizes, worst own SQNR first.

    `network` is left as it is. A layer that gives only zeros has no signal to lose and is left out.
    """
    import torch

    errors: list[LayerError] = []

    def measure(layer: Node, arguments: Arguments, signal: Signal) -> Signal:
        exact = activated(layer, signal.float)
        if not is_float(layer, recipe) and exact.square().any():
            alone = _alone(layer, arguments, recipe)
            sqnr_db, through_db = (
                _sqnr_db(exact, round_activation(activated(layer, output), exact))
                for output in (alone, signal.quantized)
            )
            shape = tuple(exact.shape[1:])
            errors.append(LayerError(layer_name(layer), operator(layer), shape, sqnr_db, through_db))
        return signal

    with torch.no_grad():
        simulate(network, sample(calibration), recipe, measure)
    unique: dict[str, LayerError] = {}
    for error in sorted(errors, key=lambda error: error.sqnr_db):
        unique.setdefault(error.name, error)  # a module that computes twice is as good as its worse result
    return list(unique.values())


def _alone(layer: Node, arguments: Arguments, recipe: Recipe) -> "Tensor":
    """The layer's output where its input and weight are rounded, and nothing before."""
    (x, *rest), named = arguments
    return run_layer(layer, ((round_activation(x, x), *rest), named), recipe)


def _sqnr_db(exact: "Tensor", rounded: "Tensor") -> float:
    signal, noise = exact.square().sum().item(), (exact - rounded).square_().sum().item()
    return 10 * math.log10(signal / max(noise, _FINEST * signal))
