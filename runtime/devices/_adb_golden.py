"""The golden sample on a phone: its prepared input as the model's bytes, and the bytes that came back judged.

The picture itself is prepared here: the phone has no Pillow, and the runner takes tensors.
"""

import hashlib
from typing import Any

import numpy as np

from ...export._artifact import Bundle
from ...models.errors import ParityError
from ...models.spec import Tensor32
from .. import checked
from ..bench.record import Golden
from ..golden import compare
from ..stats import parity
from ..verify import require_parity

_FLOAT = {"dtype": "float32", "scale": None}  # what a float twin takes and gives


def given(bundle: Bundle, part: str) -> bytes:
    """The golden input in the type that the file takes."""
    tensor, batch = _end(bundle, part, "inputs"), bundle.golden().input
    if not tensor["scale"]:
        return batch.tobytes()
    limits = np.iinfo(tensor["dtype"])
    steps = np.round(batch / np.float32(tensor["scale"])) + tensor["zero_point"]
    return np.asarray(np.clip(steps, limits.min, limits.max), tensor["dtype"]).tobytes()


def judged(bundle: Bundle, part: str, answer: bytes) -> Golden:
    """How the phone's answer differs from the exporting machine's; a float twin's, from the network's.

    Raises:
        ParityError: by more than another instruction set rounds differently, or it is no answer.
    """
    golden, output = bundle.golden(), checked(_logits(bundle, part, answer), 1)
    if output.shape != golden.output.shape:
        raise ParityError(
            f"{bundle.folder}: the phone answered the golden sample with {output.shape[1]} logits "
            f"instead of {golden.output.shape[1]}"
        )
    digest = hashlib.sha256(output.astype("<f4").tobytes()).hexdigest()
    if part == "reference":
        return Golden(None, require_parity(parity(golden.logits, output)).max_rel, digest)
    lsb, distance = compare(bundle, golden, output)
    return Golden(lsb, distance.max_rel, digest)


def _logits(bundle: Bundle, part: str, answer: bytes) -> Tensor32:
    """(1, classes), dequantized; an incomplete last one is left out."""
    tensor = _end(bundle, part, "outputs")
    count = len(answer) // np.dtype(tensor["dtype"]).itemsize
    values = np.frombuffer(answer, tensor["dtype"], count)[None].astype(np.float32)
    if not tensor["scale"]:
        return values
    return (values - np.float32(tensor["zero_point"])) * np.float32(tensor["scale"])


def _end(bundle: Bundle, part: str, end: str) -> dict[str, Any]:
    """Type, scale and zero point of the model's input or output."""
    tensor: dict[str, Any] = bundle.manifest["structure"][end][0] if part == "model" else _FLOAT
    return tensor
