"""Torch modules and Keras networks as sessions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgewise.models.errors import EdgewiseError, ParityError
from edgewise.models.foreign.keras import KerasNetwork, load_keras
from edgewise.models.spec import Tensor32
from edgewise.models.weights import Overrides
from edgewise.runtime.reference import KerasSession, TorchSession, reference

ONES = np.ones((2, 4, 4, 3), np.float32)


class Returns(nn.Module):
    """Returns `answer` of the mean colour, (N, 3)."""

    def __init__(self, answer: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: Tensor) -> Any:
        return self.answer(x.mean((2, 3)))


def test_the_input_is_channels_last(tiny_network: nn.Module, tiny_pictures: Tensor32) -> None:
    answer = TorchSession(tiny_network)(tiny_pictures[:3])
    with torch.no_grad():
        expected = tiny_network(torch.from_numpy(tiny_pictures[:3]).permute(0, 3, 1, 2))
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, expected.numpy(), rtol=1e-5, atol=1e-5)


def test_logits_that_are_not_finite_are_refused() -> None:
    session = TorchSession(Returns(torch.log))
    assert session(ONES).shape == (2, 3)
    with pytest.raises(ParityError, match="NaN or infinity"):
        session(-ONES)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (lambda x: (x, x[:, :1]), r"a tuple of 2: a tensor of shape \(2, 3\), a tensor of shape \(2, 1\)"),
        (lambda x: {"logits": x}, r"a dict of 1: a tensor of shape \(2, 3\)"),
        (lambda _: None, "NoneType"),
        (lambda x: x[0], r"a tensor of shape \(3,\)"),
        (lambda x: x[:, :, None, None], r"a tensor of shape \(2, 3, 1, 1\)"),
    ],
)
def test_a_network_that_returns_anything_else_is_refused(answer: Callable[[Tensor], Any], found: str) -> None:
    with pytest.raises(EdgewiseError, match=f"one tensor of logits, .*, but returned {found}$"):
        TorchSession(Returns(answer))(ONES)


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_logits_of_another_precision_become_float32(kind: torch.dtype) -> None:
    answer = TorchSession(Returns(lambda x: x.to(kind)))(ONES)
    assert answer.dtype == np.float32
    assert np.array_equal(answer, np.ones((2, 3)))


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (ONES * np.nan, "NaN or infinity"),
        (ONES.astype(np.float64), "not float64"),
        (ONES[:0], r"\(N, 4, 4, 3\), not float32 \(0, 4, 4, 3\)"),
        (ONES[0], r"not float32 \(4, 4, 3\)"),
        (ONES.transpose(0, 3, 1, 2), r"not float32 \(2, 3, 4, 4\)"),
    ],
)
def test_other_pictures_are_refused(batch: Tensor32, message: str) -> None:
    with pytest.raises(EdgewiseError, match=message):
        TorchSession(Returns(torch.exp))(batch)


@pytest.mark.slow
def test_a_keras_network_is_run_by_keras(tiny_keras: Path, tiny_pictures: Tensor32) -> None:
    network = load_keras(tiny_keras / "tiny", Overrides(), lambda _: None).network
    assert isinstance(network, KerasNetwork)
    session = reference(network)
    assert isinstance(session, KerasSession)
    assert session.framework == "Keras"
    answer = session(tiny_pictures[:3])
    assert answer.shape == (3, 6)
    assert answer.dtype == np.float32
    with pytest.raises(EdgewiseError, match=r"\(N, 32, 32, 3\), not float32 \(2, 4, 4, 3\)"):
        session(ONES)


def test_a_torch_network_is_run_by_torch(tiny_network: nn.Module) -> None:
    session = reference(tiny_network)
    assert isinstance(session, TorchSession)
    assert session.framework == "PyTorch"
