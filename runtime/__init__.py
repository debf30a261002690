"""Run a model file, judge it and time it. Needs numpy, Pillow and one inference engine; no torch."""

import importlib
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from ..models.errors import EdgewiseError, ParityError
from ..models.spec import Tensor32


class Session(Protocol):
    """An opened model. Layout, batch size, scales and zero points stay inside."""

    def __call__(self, batch: Tensor32) -> Tensor32:
        """(N, S, S, 3) normalised float32 pictures to (N, classes) float32 logits."""


def open_session(path: Path, target: str, threads: int = 1) -> Session:
    """Open a model file with the runtime of `target`.

    Raises:
        EdgewiseError: the file cannot be opened, or there is no such runtime.
        MissingDependencyError: the runtime is not installed.
    """
    try:
        module = importlib.import_module(f".{target}", __package__)
    except ModuleNotFoundError as error:
        raise EdgewiseError(f"{target} has no runtime: add runtime/{target}.py") from error
    return cast(Session, module.open_session(path, threads))


def checked(logits: Tensor32, count: int) -> Tensor32:
    """`logits`, once their shape is (count, classes) and every value is finite: runtimes fail silently."""
    if logits.ndim != 2 or len(logits) != count or logits.shape[1] == 0:
        raise ParityError(f"the model answered {count} pictures with an array of shape {logits.shape}")
    if not np.isfinite(logits).all():
        raise ParityError("the model's logits hold NaN or infinity; check the weights and the pictures")
    return logits
