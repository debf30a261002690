"""Check whether INT8 arithmetic saturates, which can happen on x86 without VNNI.

There, unsigned activations are multiplied by signed weights with VPMADDUBSW, which adds pairs of products in
16 bits and saturates (ONNX Runtime, 'Quantize ONNX models', on S8S8 and U8S8). On an emulated Haswell, the
SQNR of MobileNetV2 in ONNX Runtime fell from 21 to 5 dB; LiteRT computed the same bits as elsewhere.
"""

from ...models.spec import Tensor32
from .. import Session
from .stats import agreement

_MOST_LOST_DB = 3.0  # the noise doubles; rounding in another order changes less


def check(exact: Session, quantized: Session, reference: Session, batch: Tensor32) -> str | None:
    """A warning if `quantized` follows the float model worse than `reference`, its reference arithmetic.

    `batch` is (N, S, S, 3).
    """
    logits = exact(batch)
    here, plain = agreement(logits, quantized(batch)), agreement(logits, reference(batch))
    if here.sqnr_db >= plain.sqnr_db - _MOST_LOST_DB:
        return None
    return (
        "INT8 arithmetic saturates on this processor: the SQNR of its logits to the float model is "
        f"{here.sqnr_db:.1f} dB, and {plain.sqnr_db:.1f} dB by reference arithmetic ({here.count} pictures). "
        "Evaluate the file on the processor that will run it"
    )
