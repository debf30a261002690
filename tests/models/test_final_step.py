"""A softmax or sigmoid at the end of a network is taken out, and nothing else is."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgewise.models.final_step import without_final_step

PICTURE = (8, 8, 3)


class Ending(nn.Module):
    def __init__(self, outputs: int, end: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        self.body = nn.Sequential(*layers, nn.Linear(4, outputs))
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.body(x))


def without_gradients(x: Tensor) -> Tensor:
    with torch.no_grad():
        return x.softmax(1)


@pytest.mark.parametrize(
    ("outputs", "end", "step"),
    [
        (3, lambda x: functional.softmax(x, dim=1), "softmax"),
        (3, lambda x: x.softmax(-1), "softmax"),
        (3, nn.Softmax(dim=1), "softmax"),
        (3, without_gradients, "softmax"),
        (3, lambda x: x[..., None, None].softmax(1).flatten(1), "softmax"),
        (3, lambda x: x.softmax(1).view(-1, 3).float(), "softmax"),
        (3, nn.LogSoftmax(dim=1), "log_softmax"),
        (3, nn.Sigmoid(), "sigmoid"),
        (1, torch.sigmoid_, "sigmoid"),
    ],
)
def test_the_last_step_is_taken_out(outputs: int, end: Callable[[Tensor], Tensor], step: str) -> None:
    network = Ending(outputs, end).eval()
    cut, found = without_final_step(network, PICTURE)
    assert found == step
    assert not cut.training
    pictures = torch.rand(5, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(cut(pictures), network.body(pictures).reshape(cut(pictures).shape))


@pytest.mark.parametrize(
    "end",
    [
        lambda x: x,
        lambda x: 2 * x.softmax(1),  # not the last step
        lambda x: x.softmax(0),  # not over the classes
        lambda x: x + x.sigmoid(),
    ],
)
def test_any_other_network_is_returned_as_it_is(end: Callable[[Tensor], Tensor]) -> None:
    network = Ending(3, end).eval()
    assert without_final_step(network, PICTURE) == (network, None)


def test_a_network_that_cannot_be_captured_is_returned_as_it_is() -> None:
    network = Ending(3, lambda x: x.softmax(1) if x.sum() > 1e9 else x.softmax(1).clone()).eval()
    assert without_final_step(network, PICTURE) == (network, None)
