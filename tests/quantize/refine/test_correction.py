"""Bias correction compared with the same arithmetic written by hand."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

from edgewise.export.graph import Network, trace
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine.correction import correct_biases
from edgewise.quantize.refine.simulation import round_activation, round_weight

SIZE = 8
PLAIN = Recipe()


class Net(nn.Module):
    """Two convolutions with a residual, and a linear layer; activations are all in place or none is."""

    def __init__(self, *, in_place: bool = False, bias: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1, bias=bias)
        self.last = nn.Linear(8, 5)
        self.act = nn.ReLU6(inplace=in_place)
        self.in_place = in_place

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.first(x))
        y = self.second(x)
        y = y.add_(x) if self.in_place else y + x
        return self.last(y.mean((2, 3)))  # type: ignore[no-any-return]


def pictures() -> Tensor:
    return torch.randn(16, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) + 0.5


def corrected(network: nn.Module, recipe: Recipe = PLAIN) -> tuple[Network, int]:
    graph = trace(network, SIZE)
    with torch.no_grad():
        return graph, correct_biases(graph, pictures(), recipe).biases


def errors(exact: nn.Module, biases: dict[str, Tensor], *, per_channel: bool = True) -> dict[str, float]:
    """The largest mean error of any channel, by layer, if INT8 layers have these biases."""
    old = dict(exact.named_parameters())
    weights = {
        name: round_weight(old[f"{name}.weight"].detach(), per_channel=per_channel)
        for name in ("first", "second", "last")
    }
    found = {}
    with torch.no_grad():
        x = pictures()
        rounded = round_activation(x, x)
        y = conv2d(x, old["first.weight"], old["first.bias"], padding=1)
        ours = conv2d(rounded, weights["first"], biases["first.bias"], padding=1)
        found["first"] = (y - ours).mean((0, 2, 3)).abs().max().item()
        x = y.clamp(0, 6)
        rounded = round_activation(ours.clamp(0, 6), x)
        y = conv2d(x, old["second.weight"], old["second.bias"], padding=1)
        ours = conv2d(rounded, weights["second"], biases["second.bias"], padding=1)
        found["second"] = (y - ours).mean((0, 2, 3)).abs().max().item()
        x, rounded = y + x, round_activation(round_activation(ours, y) + rounded, y + x)
        mean = x.mean((2, 3))
        mean_rounded = round_activation(rounded.mean((2, 3)), mean)
        y = linear(mean, old["last.weight"], old["last.bias"])
        ours = linear(mean_rounded, weights["last"], biases["last.bias"])
        found["last"] = (y - ours).mean(0).abs().max().item()
    return found


def test_the_mean_error_of_every_channel_is_removed() -> None:
    exact = Net()
    graph, count = corrected(exact)
    assert count == 3
    before = errors(exact, dict(exact.named_parameters()))
    after = errors(exact, dict(graph.named_parameters()))
    for layer in ("second", "last"):  # no activation follows
        assert before[layer] > 1e-4
        assert after[layer] < 1e-5
    assert after["first"] > 1e-5


def test_with_generated_pictures_it_is_removed_before_an_activation_too() -> None:
    exact = Net()
    graph = trace(exact, SIZE)
    with torch.no_grad():
        correct_biases(graph, pictures(), PLAIN, generated=True)
    assert max(errors(exact, dict(graph.named_parameters())).values()) < 1e-5


def test_the_squared_error_after_an_activation_is_the_least() -> None:
    exact = Net()
    assert exact.first.bias is not None
    with torch.no_grad():
        exact.first.bias -= 0.6  # most values are cut off, so that the mean error is that of the others
    graph, _ = corrected(exact)
    old = exact.first
    bias = graph.state_dict()["first.bias"]
    with torch.no_grad():
        x = pictures()
        y = conv2d(x, old.weight, old.bias, padding=1)
        weight = round_weight(old.weight, per_channel=True)
        without = conv2d(round_activation(x, x), weight, None, padding=1)

    def lost(bias: Tensor) -> Tensor:
        return (y.relu() - (without + bias[:, None, None]).relu()).square().mean((0, 2, 3))

    mean_error = (y - without).mean((0, 2, 3))
    assert lost(bias).mean() < 0.98 * lost(mean_error).mean()
    for step in (-3e-3, 3e-3):
        assert (lost(bias) <= lost(bias + step)).all()


def test_it_is_removed_with_per_tensor_weights_too() -> None:
    exact = Net()
    graph, _ = corrected(exact, Recipe(per_channel=False))
    after = errors(exact, dict(graph.named_parameters()), per_channel=False)
    assert max(after["second"], after["last"]) < 1e-5
    assert errors(exact, dict(graph.named_parameters()))["second"] > 1e-4


def test_a_layer_in_float_has_only_the_error_of_its_input() -> None:
    exact = Net()
    before = exact.state_dict()["first.bias"]
    in_int8, in_float = (
        (corrected(exact, recipe)[0].state_dict()["first.bias"] - before).abs().max()
        for recipe in (PLAIN, Recipe(float_layers=("first",)))
    )
    assert 0 < in_float < 0.5 * in_int8


def test_weights_are_not_changed() -> None:
    exact = Net()
    old, new = exact.state_dict(), corrected(exact)[0].state_dict()
    for name in ("first.weight", "second.weight", "last.weight"):
        assert torch.equal(new[name], old[name])
    assert not torch.equal(new["first.bias"], old["first.bias"])


def test_a_layer_without_bias_is_left_alone() -> None:
    exact = Net(bias=False)
    graph, count = corrected(exact)
    assert count == 2
    assert set(graph.state_dict()) == set(exact.state_dict())
    assert torch.equal(graph.state_dict()["second.weight"], exact.second.weight)


def test_in_place_operators_give_the_same_biases() -> None:
    plain, in_place = corrected(Net())[0].state_dict(), corrected(Net(in_place=True))[0].state_dict()
    assert plain.keys() == in_place.keys()
    for name, value in plain.items():
        torch.testing.assert_close(in_place[name], value, rtol=0, atol=1e-7)


def test_a_shared_bias_is_left_alone() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.conv(x))  # type: ignore[no-any-return]

    exact = Twice()
    before = copy.deepcopy(exact.state_dict())
    graph, count = corrected(exact)
    assert count == 0
    assert torch.equal(graph.state_dict()["conv.bias"], before["conv.bias"])
