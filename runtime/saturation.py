"""Whether INT8 arithmetic overflows here: a question on x86 without VNNI.

There the product of unsigned activations and signed weights goes through VPMADDUBSW, which adds pairs of
16-bit products and saturates (ONNX Runtime, 'Quantize ONNX models', on S8S8 and U8S8).
"""

from ..models.spec import Tensor32
from . import Session
from .stats import agreement

# XNNPACK beside the reference kernels of LiteRT, and both ends of the other engines, keep more (measured).
_LEAST_SQNR_DB = 20.0


def check(session: Session, reference: Session, batch: Tensor32) -> str | None:
    """A warning where `session` answers `batch` (N, S, S, 3) otherwise than plain arithmetic does."""
    found = agreement(reference(batch), session(batch))
    if found.sqnr_db >= _LEAST_SQNR_DB:
        return None
    return (
        f"INT8 arithmetic saturates on this processor: beside plain arithmetic its logits have an SQNR "
        f"of {found.sqnr_db:.1f} dB and a top-1 agreement of {100 * found.top1:.0f} % on {found.count} "
        "pictures. Judge it on the processor that is to run it"
    )
