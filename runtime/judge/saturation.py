"""Whether INT8 arithmetic overflows here: a question on x86 without VNNI.

There the product of unsigned activations and signed weights goes through VPMADDUBSW, which adds pairs of
16-bit products and saturates (ONNX Runtime, 'Quantize ONNX models', on S8S8 and U8S8). An emulated Haswell
took MobileNetV2 in ONNX Runtime from 21 to 5 dB; LiteRT computed the same bits there as elsewhere.
"""

from ...models.spec import Tensor32
from .. import Session
from .stats import agreement

_MOST_LOST_DB = 3.0  # half of the signal; rounding in another order moves it by less


def check(exact: Session, quantized: Session, reference: Session, batch: Tensor32) -> str | None:
    """A warning where `quantized` follows the float model worse than plain arithmetic, the `reference`, does.

    `batch` is (N, S, S, 3).
    """
    logits = exact(batch)
    here, plain = agreement(logits, quantized(batch)), agreement(logits, reference(batch))
    if here.sqnr_db >= plain.sqnr_db - _MOST_LOST_DB:
        return None
    return (
        "INT8 arithmetic saturates on this processor: its logits follow the float model with an SQNR of "
        f"{here.sqnr_db:.1f} dB, by plain arithmetic with {plain.sqnr_db:.1f} dB ({here.count} pictures). "
        "Judge the file on the processor that is to run it"
    )
