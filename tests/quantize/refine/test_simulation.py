"""Simulated INT8 compared with the same arithmetic written by hand."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, relu6

from edgewise.export.graph import Network, Node, trace
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine.rewrites import rewrite
from edgewise.quantize.refine.simulation import (
    Arguments,
    Signal,
    is_layer,
    layer_name,
    round_activation,
    round_weight,
    sample,
    simulate,
)

SIZE = 8


class Net(nn.Module):
    """A convolution with ReLU6, one with a residual and an activation after the sum, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 1, bias=False)
        self.last = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = relu6(self.first(x))
        x = (self.second(x) + x).relu()
        return self.last(x.mean((2, 3)))  # type: ignore[no-any-return]


def pictures() -> Tensor:
    return torch.randn(16, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) + 0.5


def by_hand(net: Net, x: Tensor, *, per_channel: bool, in_float: tuple[str, ...]) -> Tensor:
    """INT8 logits: every result is rounded over the range of its float counterpart."""

    def weight(layer: nn.Conv2d | nn.Linear, name: str) -> Tensor:
        return layer.weight if name in in_float else round_weight(layer.weight, per_channel=per_channel)

    def written(value: Tensor, like: Tensor, name: str = "") -> Tensor:
        return value if name in in_float else round_activation(value, like)

    rounded = round_activation(x, x)
    x, rounded = (
        relu6(net.first(x)),
        relu6(conv2d(rounded, weight(net.first, "first"), net.first.bias, padding=1)),
    )
    rounded = written(rounded, x, "first")
    y, y_rounded = net.second(x), conv2d(rounded, weight(net.second, "second"))
    y_rounded = written(y_rounded, y, "second")
    x, rounded = (y + x).relu(), (y_rounded + rounded).relu()
    rounded = written(rounded, x)
    x, rounded = x.mean((2, 3)), rounded.mean((2, 3))
    rounded = written(rounded, x)
    x, rounded = net.last(x), linear(rounded, weight(net.last, "last"), net.last.bias)
    return written(rounded, x, "last")


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("in_float", [(), ("first",), ("second", "last"), ("first", "second", "last")])
def test_the_quantized_signal_follows_the_recipe(per_channel: bool, in_float: tuple[str, ...]) -> None:
    net, x = Net(), pictures()
    with torch.no_grad():
        signal = simulate(trace(net, SIZE), x, Recipe(per_channel=per_channel, float_layers=in_float))
        expected = by_hand(net, x, per_channel=per_channel, in_float=in_float)
        torch.testing.assert_close(signal.float, net(x))
    assert torch.equal(signal.quantized, expected)
    assert not torch.equal(signal.quantized, signal.float)


def test_every_result_of_a_rewritten_activation_is_rounded() -> None:
    graph, x = trace(nn.Hardswish(), SIZE), 5 * pictures()
    rewrite(graph)
    with torch.no_grad():
        signal = simulate(graph, x, Recipe())
    rounded = round_activation(x, x)
    sixth = round_activation(rounded * (1 / 6), x * (1 / 6))
    gate = round_activation(relu6(rounded + 3), relu6(x + 3))  # one operator, so there is no rounding inside
    assert torch.equal(signal.quantized, round_activation(sixth * gate, x * (1 / 6) * relu6(x + 3)))


def test_values_that_are_only_moved_are_not_rounded_again() -> None:
    class Moves(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.permute(0, 2, 3, 1).flatten(1)[:, 5:7]

    x = pictures()
    signal = simulate(trace(Moves(), SIZE), x, Recipe())
    assert torch.equal(signal.quantized, Moves()(round_activation(x, x)))


def test_in_place_operators_give_the_same(tiny_graph: Network, tiny_calibration: Calibration) -> None:
    plain = copy.deepcopy(tiny_graph)
    for node in plain.graph.find_nodes(op="call_function", target=torch.ops.aten.hardtanh_.default):
        node.target = torch.ops.aten.hardtanh.default
    plain.recompile()
    with torch.no_grad():
        ours, theirs = (simulate(graph, sample(tiny_calibration), Recipe()) for graph in (tiny_graph, plain))
    assert torch.equal(ours.quantized, theirs.quantized)


def test_a_visitor_sees_each_layer_and_can_change_its_output() -> None:
    graph, x = trace(Net(), SIZE), pictures()
    seen: list[str] = []

    def visit(layer: Node, arguments: Arguments, rounded: Arguments, signal: Signal) -> Signal:
        seen.append(layer_name(layer))
        (given, weight, *_), _ = arguments
        assert weight.shape[1] == given.shape[1]
        assert rounded[0][0].shape == given.shape
        assert is_layer(layer)
        return Signal(signal.float, signal.float)

    with torch.no_grad():
        signal = simulate(graph, x, Recipe(), visit)
    assert seen == ["first", "second", "last"]
    assert torch.equal(signal.quantized, round_activation(signal.float, signal.float))


def test_a_sample_is_the_first_16_pictures_channels_first(tiny_calibration: Calibration) -> None:
    batch = sample(tiny_calibration)
    assert batch.shape == (16, 3, 32, 32)
    assert torch.equal(batch[3, 2], torch.from_numpy(tiny_calibration.batch(4)[3, :, :, 2]))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (0.5, 2.0), (-4.0, -1.0)])
def test_activations_have_256_steps_and_a_zero(low: float, high: float) -> None:
    like = torch.tensor([low, high])
    step = (max(high, 0) - min(low, 0)) / 255
    value = torch.linspace(min(low, 0), max(high, 0), 1001)
    rounded = round_activation(value, like)
    assert (rounded - value).abs().max() <= 1.01 * step
    assert len(rounded.unique()) <= 256
    assert (rounded == 0).any()
    assert torch.equal(round_activation(torch.zeros(3), torch.zeros(3)), torch.zeros(3))


def test_weights_have_255_steps_per_channel() -> None:
    weight = torch.randn(4, 3, 3, 3) * torch.tensor([1e-3, 1, 1e3, 0])[:, None, None, None]
    rounded = round_weight(weight, per_channel=True)
    step = weight.flatten(1).abs().amax(1) / 127
    assert ((rounded - weight).abs().flatten(1).amax(1) <= 0.501 * step).all()
    assert (rounded[3] == 0).all()


def test_a_weight_with_one_scale_has_the_steps_of_its_widest_channel() -> None:
    weight = torch.randn(4, 3, 3, 3) * torch.tensor([1e-3, 1, 10, 0])[:, None, None, None]
    rounded = round_weight(weight, per_channel=False)
    step = weight.abs().max() / 127
    assert (rounded - weight).abs().max() <= 0.501 * step
    assert torch.equal((rounded / step).round() * step, rounded)
    assert (rounded[0] == 0).all()  # smaller than half a step
