"""The golden sample: one picture with which a device checks that it computes the expected result.

Another delegate or instruction set may round differently, so INT8 outputs are compared in steps (LSB) of the
output's scale: XNNPACK on Arm and on x86 differ by 1, XNNPACK and the reference kernels by up to 21 (measured
on MobileNetV2). Float outputs are compared by relative difference; after INT8 layers or weights, which may
round differently elsewhere, with a tolerance of as many steps of 1/255.
"""

from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from PIL import Image

from ...export.precision import Precision
from ...models.errors import EdgewiseError, ParityError
from ...models.sizes import both
from ...models.spec import Pixels, Preprocess, Tensor32
from ...models.synthetic import dead_leaves
from .. import Session, open_session
from ..bundle import Bundle
from ..bundle.golden import Golden
from .stats import Parity, agreement, is_single, parity
from .verdict import MAX_RELATIVE, require_parity

MAX_LSB = 24
_STEPS = 255  # of an 8-bit output, from its least value to its greatest
_ROUNDING = 1e-4  # of float32, relative to the greatest value
_OTHER_PICTURE = 0.05  # mean difference, of the input's deviation; one step of 255 everywhere is about 0.02
_SEED, _INDEX = 0, 2_000_000  # this picture is not used for calibration or evaluation
_TRIES = 8


@dataclass(frozen=True, slots=True)
class GoldenCheck:
    """How this machine's outputs differ from those of the exporting machine and of the original network.

    `max_lsb` is in steps of a quantized model's output, None for a float model, which has `max_rel` instead.
    `cosine` compares the centred logits with the original network's. `parity` compares the float model (the
    bundle's model or its reference) with the original network.
    """

    max_lsb: float | None
    max_rel: float
    cosine: float
    parity: Parity


def sample(preprocess: Preprocess, original: Session, exported: Session) -> Golden:
    """Make the sample: a picture larger than what it is resized to, and the expected results."""
    height, width = both(preprocess.resize)
    tried: list[tuple[float, Pixels, Tensor32, Tensor32]] = []
    for index in range(_INDEX, _INDEX + _TRIES):
        image = dead_leaves((height + 3, width + width // 4), _SEED, index)
        batch = preprocess(Image.fromarray(image))[None]
        logits = original(batch)
        tried.append((float(np.abs(logits).max()), image, batch, logits))
        if not is_single(logits):
            break
    # A single logit is near zero for an undecided picture, which would make any rounding look large.
    _, image, batch, logits = max(tried, key=itemgetter(0))
    return Golden(image, batch, logits, exported(batch))


def check(bundle: Bundle, session: Session) -> GoldenCheck:
    """Run a bundle's golden sample here.

    Raises:
        ParityError: this machine preprocesses the picture differently or computes another result.
    """
    golden = bundle.golden()
    exact = output = session(prepared(bundle, golden))
    lsb, distance = compare(bundle, golden, output)
    if bundle.reference is not None:
        exact = open_session(bundle.reference, bundle.target)(golden.input)
    same = require_parity(parity(golden.logits, exact))
    return GoldenCheck(lsb, distance.max_rel, agreement(golden.logits, output).cosine, same)


def prepared(bundle: Bundle, golden: Golden) -> Tensor32:
    """The golden picture as preprocessed by this machine.

    Raises:
        ParityError: it differs from the exporting machine's.
    """
    batch = bundle.spec.preprocess(Image.fromarray(golden.image))[None]
    if not np.array_equal(batch, golden.input):
        worst = float(np.abs(batch - golden.input).max())
        raise ParityError(
            f"preprocessing differs on this machine by up to {worst:.2g}; compare its Pillow version with "
            f"{bundle.manifest.get('versions', {}).get('pillow', 'the exporting one')}"
        )
    return batch


def require_prepared(bundle: Bundle) -> None:
    """Refuse a manifest whose preprocessing makes another picture of the golden one, beyond any rounding.

    `prepared` asks for the same values; this is for commands that also run where Pillow rounds otherwise.

    Raises:
        EdgewiseError: the golden sample cannot be read, or its input is not what the preprocessing gives.
    """
    golden = bundle.golden()
    batch = bundle.spec.preprocess(Image.fromarray(golden.image))[None]
    if float(np.abs(batch - golden.input).mean()) > _OTHER_PICTURE * float(golden.input.std()):
        raise EdgewiseError(
            f"{bundle.folder}: the manifest's preprocessing does not give the input of the golden sample; "
            "do not trust the bundle, export it again"
        )


def compare(bundle: Bundle, golden: Golden, output: Tensor32) -> tuple[float | None, Parity]:
    """How a device's output for the golden input differs from the exporting machine's, first in steps.

    Raises:
        ParityError: it differs by more than rounding explains.
    """
    step = _step(bundle, golden)
    distance = parity(golden.output, output)
    lsb = distance.max_abs / step if step else None
    allowed = MAX_RELATIVE if bundle.precision is Precision.FP32 else MAX_LSB / 255
    if (lsb is not None and lsb > MAX_LSB) or (lsb is None and distance.max_rel > allowed):
        found = (
            f"{lsb:.0f} steps (allowed {MAX_LSB})"
            if lsb is not None
            else f"a relative {distance.max_rel:.1e}"
        )
        raise ParityError(f"{bundle.folder}: the golden sample differs on this machine by {found}")
    return lsb, distance


def _step(bundle: Bundle, golden: Golden) -> float | None:
    """The manifest's size of one step of the output, if it is one; None where the output is float.

    Raises:
        EdgewiseError: the expected output is not made of at most 256 such steps, so a difference in steps
            would mean nothing.
    """
    step = (bundle.manifest.get("structure") or {}).get("output_step")
    if step is None:
        return None
    above = (golden.output - golden.output.min()).astype(np.float64)
    steps = np.round(above / step)
    if steps.max() > _STEPS or np.abs(steps * step - above).max() > _ROUNDING * np.abs(golden.output).max():
        raise EdgewiseError(
            f"{bundle.folder}: the golden output does not have the manifest's step of {step:g}; "
            "do not trust the bundle, export it again"
        )
    return float(step)
