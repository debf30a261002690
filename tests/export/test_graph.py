"""Tracing: the graph computes the same as the module, whatever was folded."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgewise.export.graph import Network, parameter, set_parameter, trace
from edgewise.models.errors import EdgewiseError, UsageError

SIZE = 8


class ReadTwice(nn.Module):
    """The convolution's output is used elsewhere too, so its batch norm must stay."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return torch.cat([x, self.norm(x)], 1)


class SharedConv(nn.Module):
    """One weight, two batch norms: no folded weight is right for both."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.first, self.second = nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.conv(self.first(self.conv(x))))  # type: ignore[no-any-return]


class OwnWeights(nn.Module):
    """Two convolutions without bias in one module."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = (nn.Parameter(torch.randn(4, 3, 3, 3)) for _ in range(2))
        self.bias = nn.Parameter(torch.randn(1, 4, 1, 1))
        self.first, self.second = nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        near, far = functional.conv2d(x, self.near), functional.conv2d(x, self.far)
        return self.first(near) + self.second(far) * self.bias  # type: ignore[no-any-return]


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) if x.sum() > 0 else x.amax((2, 3))


def lived_in(network: nn.Module) -> nn.Module:
    """`network` with batch norms that change the result."""
    generator = torch.Generator().manual_seed(0)
    for norm in (module for module in network.modules() if isinstance(module, nn.BatchNorm2d)):
        for tensor in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
            if tensor is not None:
                tensor.data.uniform_(0.5, 2, generator=generator)
    return network.eval()


def pictures(count: int, size: int = SIZE) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(count))


def nodes_called(graph: Network, name: str) -> int:
    return sum(node.op == "call_function" and name in str(node.target) for node in graph.graph.nodes)


@pytest.mark.parametrize("count", [1, 3])
def test_a_graph_computes_the_same_as_its_module(
    tiny_network: nn.Module, tiny_graph: Network, count: int
) -> None:
    x = pictures(count, 32)
    with torch.no_grad():
        torch.testing.assert_close(tiny_graph(x), tiny_network(x), rtol=1e-5, atol=1e-5)


def test_batch_norms_are_folded_into_convolutions(tiny_graph: Network) -> None:
    assert nodes_called(tiny_graph, "batch_norm") == 0
    assert nodes_called(tiny_graph, "conv2d") == 11


@pytest.mark.parametrize(
    ("network", "left"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3, bias=True), nn.BatchNorm2d(4)), 0),
        (nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)), 0),
        (nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, groups=3), nn.BatchNorm2d(6, affine=False), nn.ReLU()), 0),
        (nn.BatchNorm2d(3), 1),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)), 1),
        (ReadTwice(), 1),
        (SharedConv(), 2),
        (OwnWeights(), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else str(value),
)
def test_folding_does_not_change_the_output(network: nn.Module, left: int) -> None:
    network = lived_in(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    graph, x = trace(network, SIZE), pictures(3)
    with torch.no_grad():
        torch.testing.assert_close(graph(x), network(x), rtol=1e-5, atol=1e-5)
    assert nodes_called(graph, "batch_norm") == left
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


class Forgetful(nn.Module):
    """`functional.dropout` is in training mode unless it is told otherwise."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x.mean((2, 3)), 0.3)


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x + torch.rand_like(x)).mean((2, 3))


@pytest.mark.parametrize(
    ("network", "operator"),
    [
        (Forgetful(), r"dropout at line \d+ of test_graph.py"),
        (nn.Sequential(Forgetful()), r"dropout at line \d+ of test_graph.py"),
        (Noisy(), r"rand_like at line \d+ of test_graph.py"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)), "batch_norm"),
    ],
)
def test_what_behaves_as_in_training_is_refused(network: nn.Module, operator: str) -> None:
    with pytest.raises(UsageError, match=rf"as in training after eval\(\): {operator} is random, or depends"):
        trace(network, SIZE)


def test_dropout_without_training_is_fine() -> None:
    attention = nn.MultiheadAttention(8, 2, dropout=0.1, batch_first=True)

    class Usual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.norm = attention, nn.InstanceNorm2d(3)
            self.lstm, self.drop = nn.LSTM(8, 8, 2, dropout=0.1, batch_first=True), nn.Dropout(0.5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.drop(self.norm(x)).mean(1)
            x = functional.dropout(self.attention(x, x, x)[0], 0.0)
            return self.lstm(x)[0].mean(1)  # type: ignore[no-any-return]

    assert nodes_called(trace(Usual().eval(), SIZE), "lstm") == 1


def test_a_frozen_trunk_is_like_any_other() -> None:
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU())
            self.head = nn.Linear(4, 5)

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                x = self.trunk(x)
            return self.head(x.mean((2, 3)))  # type: ignore[no-any-return]

    network = lived_in(Frozen())
    graph = trace(network, SIZE)
    torch.testing.assert_close(graph(pictures(3)), network(pictures(3)), rtol=1e-5, atol=1e-5)
    called = [node.target for node in graph.graph.nodes if node.op == "call_function"]
    aten = torch.ops.aten
    assert called == [aten.conv2d.default, aten.relu.default, aten.mean.dim, aten.linear.default]


def test_a_network_that_branches_on_values_is_refused() -> None:
    with pytest.raises(EdgewiseError, match=r"cannot be captured .*must not branch") as error:
        trace(Branching(), SIZE)
    assert "\n" not in str(error.value)


class Auxiliary(nn.Module):
    """Logits, and those of an auxiliary head."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits = x.mean((2, 3))
        return logits, logits[:, :2]


def test_a_network_with_several_outputs_is_refused() -> None:
    with pytest.raises(EdgewiseError, match=r"has 2 outputs \(mean, slice_\d+\); its forward must return"):
        trace(Auxiliary(), SIZE)


def test_a_parameter_can_be_replaced() -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 4, 1, bias=False)), SIZE)
    (node,) = graph.graph.find_nodes(op="get_attr")
    set_parameter(graph, node, 2 * parameter(graph, node))
    doubled = parameter(graph, node)
    torch.testing.assert_close(graph(pictures(2)), functional.conv2d(pictures(2), doubled))
