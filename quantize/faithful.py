"""Prove, before it is quantized, that a target's float graph computes the refined network.

Patching refined weights into a converted graph saves a second conversion, but converters fold constants into
weights and biases and share tensors, so a graph may look patched and compute something else. The graph's
answers decide: those of the refined network in PyTorch, or the graph is not used.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np

from ..export.graph import first_line
from ..models.errors import ParityError
from ..models.spec import Tensor32
from .calibration import Calibration
from .refine import Refined

M = TypeVar("M")

_PICTURES = 4
_MAX_RELATIVE = 1e-3  # as for a float file beside its original; float32 rounding leaves about 1e-5


def first_faithful(
    candidates: Iterable[M],
    answers: Callable[[M, Tensor32], Tensor32],
    refined: Refined,
    calibration: Calibration,
) -> M:
    """The first of the float graphs `candidates` that answers as the refined network does.

    `answers` runs a graph on pictures (N, H, W, C), normalised, and returns its logits (N, classes).

    Raises:
        ParityError: none does.
    """
    batch = calibration.batch(_PICTURES)
    wanted, found = _logits(refined, batch), "cannot be converted"
    for candidate in candidates:
        try:
            difference = _largest_difference(wanted, answers(candidate, batch))
        except Exception as error:  # noqa: BLE001 - each engine has errors of its own
            found = f"cannot be run ({first_line(error)})"
            continue
        if difference <= _MAX_RELATIVE:
            return candidate
        found = f"differs by a relative {difference:.1e}, allowed {_MAX_RELATIVE:g}"
    raise ParityError(
        f"the converted form of the network that was prepared for INT8 {found}, in float already, so nothing "
        "was quantized; this is an error of edgewise or of the target's converter: please report the network"
    )


def _logits(refined: Refined, batch: Tensor32) -> Tensor32:
    import torch

    with torch.no_grad():
        found: Tensor32 = refined.network(torch.from_numpy(batch).permute(0, 3, 1, 2).contiguous()).numpy()
    return found


def _largest_difference(wanted: Tensor32, found: Tensor32) -> float:
    """The largest over the pictures of max |w - f| / max |w|; infinite if it is not a number.

    A single logit may be near zero: then the divisor is the largest of all pictures.
    """
    if wanted.shape != found.shape or not np.isfinite(found).all():
        return float("inf")
    largest = np.abs(wanted).max(axis=0 if wanted.shape[1] == 1 else 1)
    largest = np.maximum(largest, np.finfo(np.float32).tiny)
    return float((np.abs(wanted - found).max(axis=1) / largest).max())
