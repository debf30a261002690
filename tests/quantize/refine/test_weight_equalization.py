"""Equalization of weights: the same function with narrower weights, and only where that is possible."""

import math

import pytest
import torch
from torch import Tensor, nn

from edgewise.export.graph import Network, parameter, trace
from edgewise.quantize.refine.weight_equalization import equalize_weights

WIDTH, SIZE = 8, 8
POSSIBLE = {
    "relu": nn.ReLU(),
    "relu in place": nn.ReLU(inplace=True),
    "relu6": nn.ReLU6(),
    "hardtanh": nn.Hardtanh(0, 4),
}
IMPOSSIBLE = {
    "silu": nn.SiLU(),
    "signed": nn.Hardtanh(-1, 1),
    "nothing": nn.Identity(),
    "pool": nn.AvgPool2d(1),
}


class Pair(nn.Module):
    """Two convolutions with an activation between them; the channels of both weights are uneven."""

    def __init__(self, activation: nn.Module, groups: int = 1, *, read_twice: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, WIDTH, 3), nn.Conv2d(WIDTH, WIDTH, 3, groups=groups)
        self.other, self.activation, self.read_twice = nn.Conv2d(WIDTH, WIDTH, 1), activation, read_twice
        spread = 10 ** torch.linspace(-1, 0, WIDTH)
        self.first.weight.data.mul_(spread[:, None, None, None])
        assert self.first.bias is not None
        self.first.bias.data.mul_(spread)
        by_group = (0.1 / spread).reshape(groups, -1).repeat_interleave(WIDTH // groups, 0)
        self.last.weight.data.mul_(by_group[:, :, None, None])

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(self.first(x))
        y: Tensor = self.last(x)
        return y + self.other(x)[..., 1:-1, 1:-1] if self.read_twice else y


def pictures(scale: float = 1.0) -> Tensor:
    return scale * torch.randn(8, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def product_of_ranges(graph: Network) -> float:
    nodes = graph.graph.find_nodes(op="get_attr")
    weights = [parameter(graph, node) for node in nodes if str(node.target).endswith("weight")]
    return math.prod(weight.abs().max().item() for weight in weights)


@pytest.mark.parametrize("kind", POSSIBLE)
@pytest.mark.parametrize("groups", [1, 2, WIDTH])
def test_the_function_stays_and_weights_become_narrower(kind: str, groups: int) -> None:
    graph, x = trace(Pair(POSSIBLE[kind], groups), SIZE), pictures()
    with torch.no_grad():
        before, ranges = graph(x), product_of_ranges(graph)
        assert equalize_weights(graph, [x[:3], x[3:]]) == 1
        torch.testing.assert_close(graph(x), before, rtol=1e-4, atol=1e-5)
    assert product_of_ranges(graph) < 0.75 * ranges


def test_every_reader_is_divided() -> None:
    graph, x = trace(Pair(nn.ReLU6(), read_twice=True), SIZE), pictures()
    with torch.no_grad():
        before = graph(x)
        assert equalize_weights(graph, [x]) == 1
        torch.testing.assert_close(graph(x), before, rtol=1e-4, atol=1e-5)


def test_values_stay_the_same_up_to_twice_those_of_calibration() -> None:
    graph, x = trace(Pair(nn.ReLU6()), SIZE), pictures()
    with torch.no_grad():
        expected = graph(pictures(1.9))
        assert equalize_weights(graph, [x]) == 1
        torch.testing.assert_close(graph(pictures(1.9)), expected, rtol=1e-4, atol=1e-5)


def test_values_that_are_clipped_still_are() -> None:
    graph, x = trace(Pair(nn.ReLU6()), SIZE), pictures(30)
    with torch.no_grad():
        before = graph(x)
        equalize_weights(graph, [x])
        torch.testing.assert_close(graph(x), before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_all_others_are_left_alone(kind: str) -> None:
    graph = trace(Pair(IMPOSSIBLE[kind]), SIZE)
    before = {name: weight.clone() for name, weight in graph.named_parameters()}
    with torch.no_grad():
        assert equalize_weights(graph, [pictures()]) == 0
    assert all(torch.equal(weight, before[name]) for name, weight in graph.named_parameters())


def test_weights_and_values_of_zero_stay_finite() -> None:
    net = Pair(nn.ReLU())
    net.first.weight.data[2], net.last.weight.data[:, 3] = 0, 0
    assert net.first.bias is not None
    net.first.bias.data[2] = -1
    graph, x = trace(net, SIZE), pictures()
    with torch.no_grad():
        before = graph(x)
        equalize_weights(graph, [x])
        torch.testing.assert_close(graph(x), before, rtol=1e-4, atol=1e-5)
    assert all(weight.isfinite().all() for weight in graph.parameters())
