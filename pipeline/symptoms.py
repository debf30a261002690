"""Measure why a file loses accuracy, on calibration pictures, for `quantize/diagnosis.py`."""

import numpy as np

from ..models.spec import Tensor32
from ..quantize.diagnosis import LayerShare, Symptoms
from ..quantize.recipe import Recipe
from ..quantize.refine.sensitivity import LayerError
from ..quantize.refine.sources import median_sqnr_db
from .workshop import File, Twin, Workshop

_PICTURES, _COMPARED = 128, 16


def symptoms(workshop: Workshop, twin: Twin, failed: File, recipe: Recipe) -> Symptoms:
    """What is wrong with `failed`, which `recipe` made of `twin`."""
    batch = workshop.calibration.batch(_PICTURES)
    exact = twin.session(batch)
    engine, plain = (session(batch[:_COMPARED]) for session in (failed.session, failed.exact()))
    sources = workshop.sources(recipe)
    return Symptoms(
        engine_db=median_sqnr_db(exact[:_COMPARED], engine),
        exact_db=median_sqnr_db(exact[:_COMPARED], plain),
        weights_db=None if sources is None else sources.weights_db,
        activations_db=None if sources is None else sources.activations_db,
        layers=shares(workshop.sensitivities(recipe)),
        peak_ratio=peak_ratio(exact),
    )


def shares(layers: list[LayerError]) -> tuple[LayerShare, ...]:
    """Each layer's part of the summed ratios of noise to signal; a layer that keeps nothing counts as 1."""
    errors = [min(1.0, 10 ** (-layer.sqnr_db / 10)) for layer in layers]
    whole = sum(errors) or 1.0
    return tuple(LayerShare(layer.name, error / whole) for layer, error in zip(layers, errors, strict=True))


def peak_ratio(logits: Tensor32) -> float:
    """The largest logit, by its size, of the most extreme picture over that of the median picture."""
    peaks = np.abs(logits).max(axis=1)
    return float(peaks.max() / max(np.median(peaks), np.finfo(np.float32).tiny))
