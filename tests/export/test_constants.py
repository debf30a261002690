"""Weights that depend on parameters alone become parameters."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from edgewise.export.graph import Network, trace
from edgewise.export.tflite.layers import layers
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import refine

SIZE = 32


class Standardized(nn.Conv2d):
    """Weight standardization, as BiT and NFNets have it."""

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), keepdim=True)
        return functional.conv2d(x, (self.weight - mean) * torch.rsqrt(variance + 1e-6), self.bias, padding=1)


class Twice(nn.Module):
    """A weight that is read as it is too: the computed one needs another name."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(self.conv(x), self.conv.weight / 2, padding=1)


class Shared(nn.Module):
    """One computed weight for two layers, and a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.shift = nn.Parameter(torch.randn(3, 3, 3, 3)), nn.Parameter(torch.randn(3))

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight.tanh(), 2 * self.shift
        return functional.conv2d(functional.conv2d(x, weight, bias, padding=1).relu(), weight, padding=1)


class Blurred(nn.Module):
    """A kernel that no parameter is behind."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, torch.ones(3, 1, 3, 3) / 9, padding=1, groups=3)


class Conditional(nn.Module):
    """The weight depends on the picture: it stays."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight * x.mean(), padding=1)


def classifier(layer: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(layer, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 6)).eval()


def weights(graph: Network) -> list[str]:
    """The weights of convolutions, by name."""
    return [
        str(node.args[1].target)
        for node in graph.graph.find_nodes(op="call_function", target=torch.ops.aten.conv2d.default)
        if node.args[1].op == "get_attr"
    ]


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (Standardized(3, 3, 3), ["0.weight"]),
        (parametrizations.weight_norm(nn.Conv2d(3, 3, 3)), ["0.weight"]),
        (parametrizations.spectral_norm(nn.Conv2d(3, 3, 3)), ["0.weight"]),
        (nn.utils.spectral_norm(nn.Conv2d(3, 3, 3)), ["0.weight"]),
        (parametrizations.orthogonal(nn.Conv2d(3, 3, 3)), ["0.weight"]),
        (Twice(), ["0.conv.weight", "0.conv.weight_folded"]),
        (Shared(), ["0.weight", "0.weight"]),
        (Blurred(), ["weight"]),
        (Conditional(), []),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_a_computed_weight_gets_the_name_of_its_layer(layer: nn.Module, named: list[str]) -> None:
    network = classifier(layer)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    graph, x = trace(network, SIZE), torch.randn(3, 3, SIZE, SIZE)
    with torch.no_grad():
        torch.testing.assert_close(graph(x), network(x), rtol=1e-5, atol=1e-5)
    assert weights(graph) == named
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_batch_norms_are_folded_into_computed_weights() -> None:
    network = classifier(nn.Sequential(Standardized(3, 3, 3), nn.BatchNorm2d(3)))
    graph = trace(network, SIZE)
    assert not graph.graph.find_nodes(op="call_function", target=torch.ops.aten.batch_norm.default)


def test_a_weight_of_the_picture_is_not_refined(tiny_calibration: Calibration) -> None:
    graph = trace(classifier(Conditional()), SIZE)
    assert [layer.name for layer in layers(graph)] == ["4"]
    assert refine(graph, tiny_calibration, Recipe()).corrected_layers == 1


def test_a_standardized_network_is_refined(tiny_calibration: Calibration) -> None:
    graph = trace(classifier(Standardized(3, 3, 3)), SIZE)
    assert [layer.name for layer in layers(graph)] == ["0", "4"]
    assert refine(graph, tiny_calibration, Recipe()).corrected_layers == 2
