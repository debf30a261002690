"""Whether weights or activations lose more in INT8, simulated on a few calibration pictures."""

from dataclasses import dataclass, replace

import numpy as np

from ...export.graph import Network
from ...models.spec import Tensor32
from ..calibration import Calibration
from ..recipe import Recipe
from .simulation import sample, simulate

_FINEST = 1e-15  # relative to the signal: the limit of float32


@dataclass(frozen=True, slots=True)
class Sources:
    """The SQNR of the logits in dB, with only the weights and with only the activations in INT8.

    Each is the median over pictures: a few pictures with huge logits would decide a sum.
    """

    weights_db: float
    activations_db: float


def sources(network: Network, calibration: Calibration, recipe: Recipe) -> Sources:
    """What `network` loses by each, as `recipe` quantizes it; the network is not changed."""
    import torch

    batch = sample(calibration)
    with torch.no_grad():
        weights = simulate(network, batch, replace(recipe, activations=False))
        activations = simulate(network, batch, recipe, weights=False)
    return Sources(
        *(median_sqnr_db(found.float.numpy(), found.quantized.numpy()) for found in (weights, activations))
    )


def median_sqnr_db(exact: Tensor32, other: Tensor32) -> float:
    """The median over pictures of the SQNR of logits (N, classes) without their mean, in dB; at most 150.

    A single logit, (N, 1), is compared as it is.
    """
    if exact.shape[1] > 1:
        exact, other = (logits - logits.mean(axis=1, keepdims=True) for logits in (exact, other))
    signal, noise = np.square(exact).sum(axis=1), np.square(exact - other).sum(axis=1)
    least = np.maximum(signal * _FINEST, np.finfo(np.float32).tiny)
    return float(np.median(10 * np.log10(np.maximum(signal, least) / np.maximum(noise, least))))
