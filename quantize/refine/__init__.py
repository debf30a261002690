"""Prepare the network itself for INT8, once for all targets: rewrite, equalize channels, correct biases.

The float file is made from the original network; only the INT8 file gets the refined one, whose corrected
biases are right for INT8 arithmetic and slightly wrong for float.
"""

import copy
from dataclasses import dataclass

from ...export.graph import Network
from ..calibration import Calibration
from ..recipe import Recipe
from .correction import correct_biases
from .equalization import equalize
from .rewrites import rewrite
from .simulation import sample


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """A network before and after, and how much was changed: without rewrites it has the same operators."""

    original: Network
    network: Network
    rewrites: int
    equalized_groups: int
    corrected_layers: int

    def to_json(self) -> dict[str, int]:
        """The counts, for a manifest."""
        return {
            "rewrites": self.rewrites,
            "equalized_groups": self.equalized_groups,
            "bias_corrected_layers": self.corrected_layers,
        }


def refine(network: Network, calibration: Calibration, recipe: Recipe) -> Refined:
    """Refine a copy of `network`, as far as `recipe` says, with the first pictures of `calibration`."""
    import torch

    refined = copy.deepcopy(network).to(memory_format=torch.channels_last)
    batch = sample(calibration)
    with torch.no_grad():
        rewrites = rewrite(refined) if recipe.activations else 0  # what stays in float needs no other form
        groups = equalize(refined, batch) if recipe.equalize else 0
        layers = correct_biases(refined, batch, recipe) if recipe.correct else 0
    # With weights in the other order pooling is captured with strides, for which ONNX has but a Gather.
    refined.to(memory_format=torch.contiguous_format)
    return Refined(network, refined, rewrites, groups, layers)
