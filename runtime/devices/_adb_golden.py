"""The golden sample on a phone: convert its input to the model's bytes, and the output bytes to logits.

The picture is preprocessed here: the phone has no Pillow, and the runner takes tensors.
"""

from typing import Any

import numpy as np

from ...models.spec import Tensor32
from ..bench.subject import Subject

_FLOAT = {"dtype": "float32", "scale": None}  # input and output of a float reference


def given(subject: Subject) -> bytes:
    """The golden input in the type of the model's input."""
    tensor, batch = _end(subject, "inputs"), subject.bundle.golden().input
    if not tensor["scale"]:
        return batch.tobytes()
    limits = np.iinfo(tensor["dtype"])
    steps = np.round(batch / np.float32(tensor["scale"])) + tensor["zero_point"]
    return np.asarray(np.clip(steps, limits.min, limits.max), tensor["dtype"]).tobytes()


def logits(subject: Subject, answer: bytes) -> Tensor32:
    """(1, classes), dequantized; an incomplete last value is ignored."""
    tensor = _end(subject, "outputs")
    count = len(answer) // np.dtype(tensor["dtype"]).itemsize
    values = np.frombuffer(answer, tensor["dtype"], count)[None].astype(np.float32)
    if not tensor["scale"]:
        return values
    return (values - np.float32(tensor["zero_point"])) * np.float32(tensor["scale"])


def _end(subject: Subject, end: str) -> dict[str, Any]:
    """Type, scale and zero point of the model's input or output."""
    whole: dict[str, Any] = subject.bundle.manifest
    tensor: dict[str, Any] = whole["structure"][end][0] if subject.part == "model" else _FLOAT
    return tensor
