"""INT8 arithmetic compared with reference arithmetic."""

import numpy as np

from edgewise.models.spec import Tensor32
from edgewise.runtime.judge.saturation import check

PICTURES = np.random.default_rng(0).standard_normal((16, 4, 4, 3)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).choice([-127, -90, 90, 127], (48, 10))  # large values saturate


def exact(batch: Tensor32) -> Tensor32:
    """A linear layer with UINT8 activations and INT8 weights, with sums in 32 bits."""
    return np.asarray(_unsigned(batch) @ WEIGHTS, np.float32)


def saturating(batch: Tensor32) -> Tensor32:
    """The same with pairs of products added in 16 bits, as VPMADDUBSW does."""
    products = _unsigned(batch)[:, :, None] * WEIGHTS
    pairs = np.clip(products[:, ::2] + products[:, 1::2], -32768, 32767)
    return np.asarray(pairs.sum(axis=1), np.float32)


def _unsigned(batch: Tensor32) -> Tensor32:
    return np.clip(np.round(batch.reshape(len(batch), -1) * 80 + 160), 0, 255)


def in_float(batch: Tensor32) -> Tensor32:
    """The same without rounding."""
    return np.asarray((batch.reshape(len(batch), -1) * 80 + 160) @ WEIGHTS, np.float32)


def test_the_same_arithmetic_gives_no_warning() -> None:
    assert check(in_float, exact, exact, PICTURES) is None


def test_another_rounding_gives_no_warning() -> None:
    def truncating(batch: Tensor32) -> Tensor32:
        return np.asarray(np.floor(exact(batch) / 256) * 256, np.float32)

    assert check(in_float, truncating, exact, PICTURES) is None


def test_saturation_gives_a_warning() -> None:
    warning = check(in_float, saturating, exact, PICTURES)
    assert warning is not None
    assert warning.startswith("INT8 arithmetic saturates on this processor: ")
    assert "(16 pictures)" in warning
