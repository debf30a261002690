"""Prepare the network itself for INT8, once for all targets: equalize the channels, then correct the biases.

The float file is made from the original network; only the INT8 file gets the refined one, whose corrected
biases are right for INT8 arithmetic and slightly wrong for float.
"""

import copy
from dataclasses import dataclass

from ..export._graph import Network
from ._calibration import Calibration
from ._correction import correct_biases
from ._equalization import equalize

_PICTURES = 16  # channel means settle by then: 32 and 48 photographs gave the same MobileNetV2 within noise


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """A network before and after, with the same operators, and how much was changed."""

    original: Network
    network: Network
    equalized_groups: int
    corrected_layers: int


def refine(network: Network, calibration: Calibration) -> Refined:
    """Refine a copy of `network` with the first pictures of `calibration`."""
    import torch

    refined = copy.deepcopy(network).to(memory_format=torch.channels_last)
    batch = torch.from_numpy(calibration.batch(_PICTURES)).permute(0, 3, 1, 2)
    with torch.no_grad():
        groups = equalize(refined, batch)
        layers = correct_biases(refined, batch)
    return Refined(network, refined, groups, layers)
