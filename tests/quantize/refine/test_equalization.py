"""Equalization: the same function with more even channels, and only where that is possible."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.fx import Interpreter, Node

from edgewise.export.graph import Network, parameter, trace
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.refine.equalization import equalize

WIDTH, SIZE = 6, 8


class Body(nn.Module):
    """A convolution, then the operators of `kind`, then a convolution."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, WIDTH, 3), nn.Conv2d(WIDTH, 4, 1)
        self.deep = nn.Conv2d(WIDTH, WIDTH, 1, groups=WIDTH if kind == "depthwise" else 1)
        self.one = nn.Conv2d(WIDTH, 1, 1)
        self.kind = kind
        spread = 10 ** torch.linspace(-2, 0, WIDTH)
        for conv in (self.first, self.deep):
            conv.weight.data.mul_(spread[:, None, None, None])
            assert conv.bias is not None
            conv.bias.data.mul_(spread)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        if self.kind == "relu6":
            x = nn.functional.relu6(x)
        elif self.kind == "depthwise":
            x = self.deep(x).relu()
        elif self.kind == "shared":
            x = self.deep(self.deep(x))
        elif self.kind == "constant":
            x = x + 1
        elif self.kind == "residual":
            x = x + self.deep(x)
        elif self.kind == "in place":
            x += self.deep(x)
        elif self.kind == "broadcast":
            x = x + self.one(x)
        elif self.kind == "chain":
            x = x + self.deep(x)
            x = x + self.deep(x).relu()
        y: Tensor = self.last(x)
        return torch.cat([y, x], 1) if self.kind == "also output" else y


def pictures() -> Tensor:
    return torch.randn(4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def body(kind: str) -> Network:
    torch.manual_seed(0)
    return trace(Body(kind), SIZE)


def weights(graph: Network) -> list[Tensor]:
    return [parameter(graph, node) for node in graph.graph.find_nodes(op="get_attr")]


def evenness(graph: Network, x: Tensor) -> dict[str, float]:
    """The range of the narrowest channel divided by the widest one's, for every convolution's output."""
    found = {}

    class Watch(Interpreter):
        def run_node(self, n: Node) -> Tensor:
            value: Tensor = super().run_node(n)
            if "conv2d" in str(n.target):
                ranges = value.abs().amax((0, 2, 3))
                found[str(n.args[1])] = (ranges.min() / ranges.max()).item()
            return value

    with torch.no_grad():
        Watch(graph).run(x)
    return found


def test_a_network_keeps_its_function_and_gets_even_channels(
    tiny_graph: Network, tiny_calibration: Calibration
) -> None:
    x = torch.from_numpy(tiny_calibration.batch(32)).permute(0, 3, 1, 2)
    graph = copy.deepcopy(tiny_graph)
    with torch.no_grad():
        assert equalize(graph, x) == 2  # the two blocks joined by the residual, and the last one
        before, after = tiny_graph(x), graph(x)
    assert (after - before).abs().max() <= 1e-4 * before.abs().max()
    old, new = evenness(tiny_graph, x), evenness(graph, x)
    narrow = [name for name in old if "layers_6" in name]
    assert len(narrow) == 3
    for name in old:
        if name in narrow:
            assert new[name] > 2 * old[name]
        else:
            assert new[name] == pytest.approx(old[name], rel=1e-3)


@pytest.mark.parametrize("kind", ["plain", "residual", "in place"])
def test_groups_between_convolutions_are_rescaled(kind: str) -> None:
    graph, x = body(kind), pictures()
    with torch.no_grad():
        before, even = graph(x), evenness(graph, x)
        assert equalize(graph, x) == 1
        torch.testing.assert_close(graph(x), before, rtol=1e-4, atol=1e-4)
    assert evenness(graph, x)["first_weight"] > 2 * even["first_weight"]


@pytest.mark.parametrize(
    "kind", ["relu6", "depthwise", "shared", "constant", "chain", "broadcast", "also output"]
)
def test_all_others_are_left_alone(kind: str) -> None:
    graph = body(kind)
    before = [weight.clone() for weight in weights(graph)]
    with torch.no_grad():
        equalize(graph, pictures())
    assert all(map(torch.equal, weights(graph), before))


def test_channels_that_are_never_active_stay_finite() -> None:
    graph, x = body("residual"), pictures()
    for node in graph.graph.find_nodes(op="get_attr"):
        if str(node.target).startswith(("first", "deep")):
            parameter(graph, node).data[2] = 0
    with torch.no_grad():
        before = graph(x)
        assert equalize(graph, x) == 1
        torch.testing.assert_close(graph(x), before, rtol=1e-4, atol=1e-4)
    assert all(weight.isfinite().all() for weight in weights(graph))


def test_a_tensor_of_zeros_stays_finite() -> None:
    graph = body("plain")
    for node in graph.graph.find_nodes(op="get_attr"):
        if str(node.target).startswith("first"):
            parameter(graph, node).data.zero_()
    with torch.no_grad():
        equalize(graph, pictures())
    assert all(weight.isfinite().all() for weight in weights(graph))


def test_blocks_with_squeeze_and_excitation_keep_their_function() -> None:
    """As in EfficientNet: SiLU, a product with a tensor (N, C, 1, 1), a residual; two groups are found."""

    class Block(nn.Module):
        def __init__(self, *, residual: bool) -> None:
            super().__init__()
            self.widen, self.narrow = nn.Conv2d(WIDTH, 12, 1, bias=False), nn.Conv2d(12, WIDTH, 1, bias=False)
            self.norm = nn.BatchNorm2d(WIDTH)
            self.gate = nn.Sequential(
                nn.AdaptiveAvgPool2d(1),
                nn.Conv2d(12, 3, 1),
                nn.SiLU(inplace=True),
                nn.Conv2d(3, 12, 1),
                nn.Sigmoid(),
            )
            self.residual = residual

        def forward(self, x: Tensor) -> Tensor:
            wide = nn.functional.silu(self.widen(x), inplace=True)
            y: Tensor = self.norm(self.narrow(wide * self.gate(wide)))
            return y.add_(x) if self.residual else y

    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, WIDTH, 3),
        nn.Hardswish(inplace=True),
        Block(residual=False),
        Block(residual=True),
        Block(residual=False),
        nn.Conv2d(WIDTH, 4, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    graph, x = trace(net, SIZE), pictures()
    with torch.no_grad():
        before = graph(x)
        assert equalize(graph, x) == 2
        torch.testing.assert_close(graph(x), before, rtol=1e-4, atol=1e-5)
