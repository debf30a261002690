"""The torch module as a session."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgewise.models.errors import ParityError
from edgewise.models.spec import Tensor32
from edgewise.runtime.reference import TorchSession


def test_pictures_go_in_channels_last(tiny_network: nn.Module, tiny_pictures: Tensor32) -> None:
    answer = TorchSession(tiny_network)(tiny_pictures[:3])
    with torch.no_grad():
        expected = tiny_network(torch.from_numpy(tiny_pictures[:3]).permute(0, 3, 1, 2))
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, expected.numpy(), rtol=1e-5, atol=1e-5)


def test_a_network_that_answers_no_numbers_is_refused() -> None:
    class Log(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((2, 3)).log()

    session = TorchSession(Log())
    assert session(np.ones((2, 4, 4, 3), np.float32)).shape == (2, 3)
    with pytest.raises(ParityError, match="NaN or infinity"):
        session(-np.ones((2, 4, 4, 3), np.float32))
