"""Sensitivity: layers made bad on purpose are found, and the numbers match the definition."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, relu

from edgewise.export.graph import Network, parameter, trace
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine.sensitivity import LayerError, _sqnr_db, sensitivities
from edgewise.quantize.refine.simulation import round_activation, round_weight, sample

PER_TENSOR = Recipe(per_channel=False)


class Net(nn.Module):
    """Three convolutions and a linear layer; the second has huge weights for an all-zero channel."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, stride=2)
        self.second = nn.Conv2d(8, 8, 3, stride=2, groups=8)
        self.third = nn.Conv2d(8, 8, 1)
        self.last = nn.Linear(8, 5)
        with torch.no_grad():
            self.second.weight[0] *= 50
            for value in self.first.parameters():
                value[0] *= 1e-4

    def forward(self, x: Tensor) -> Tensor:
        x = self.third(self.second(relu(self.first(x))))
        return self.last(x.mean((2, 3)))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def network() -> Network:
    return trace(Net(), 32)


def by_name(errors: list[LayerError]) -> dict[str, LayerError]:
    return {error.name: error for error in errors}


def test_the_layer_with_the_worst_own_error_comes_first(
    network: Network, tiny_calibration: Calibration
) -> None:
    errors = sensitivities(network, tiny_calibration, PER_TENSOR)
    assert errors[0].name == "second"
    assert [error.sqnr_db for error in errors] == sorted(error.sqnr_db for error in errors)
    found = by_name(errors)
    assert found["third"].sqnr_db > 25  # its own error is small,
    assert found["third"].through_db < found["third"].sqnr_db - 10  # but it inherits the second's error


def test_the_numbers_match_the_definition(network: Network, tiny_calibration: Calibration) -> None:
    net, x = Net(), sample(tiny_calibration)
    with torch.no_grad():
        y = relu(net.first(x))
        weight = round_weight(net.first.weight, per_channel=True)
        rounded = round_activation(relu(conv2d(round_activation(x, x), weight, net.first.bias, 2)), y)
        z = net.second(y)
        weight = round_weight(net.second.weight, per_channel=True)
        alone, through = (
            round_activation(conv2d(source, weight, net.second.bias, 2, groups=8), z)
            for source in (round_activation(y, y), rounded)
        )
    found = by_name(sensitivities(network, tiny_calibration, Recipe()))
    own, behind = found["first"], found["second"]
    noise = (y - rounded).square().sum()
    assert own.sqnr_db == pytest.approx(10 * math.log10(y.square().sum() / noise), abs=1e-3)
    assert own.through_db == own.sqnr_db
    for decibel, value in ((behind.sqnr_db, alone), (behind.through_db, through)):
        noise = (z - value).square().sum()
        assert decibel == pytest.approx(10 * math.log10(z.square().sum() / noise), abs=1e-3)


def test_every_layer_is_named_with_its_operator_and_shape(
    tiny_graph: Network, tiny_calibration: Calibration
) -> None:
    before = copy.deepcopy(tiny_graph.state_dict())
    found = by_name(sensitivities(tiny_graph, tiny_calibration, Recipe()))
    assert len(found) == 12
    assert (found["0"].operator, found["0"].shape) == ("conv2d", (8, 16, 16))
    assert (found["12"].operator, found["12"].shape) == ("linear", (6,))
    assert all(torch.equal(value, before[name]) for name, value in tiny_graph.state_dict().items())


def test_layers_in_float_are_left_out_and_help_later_layers(
    network: Network, tiny_calibration: Calibration
) -> None:
    before = by_name(sensitivities(network, tiny_calibration, PER_TENSOR))
    after = by_name(sensitivities(network, tiny_calibration, replace(PER_TENSOR, float_layers=("second",))))
    assert after.keys() == before.keys() - {"second"}
    assert after["third"].through_db > before["third"].through_db + 10
    assert after["third"].sqnr_db == before["third"].sqnr_db


def test_a_layer_of_zeros_is_left_out(network: Network, tiny_calibration: Calibration) -> None:
    silent = copy.deepcopy(network)
    for node in silent.graph.find_nodes(op="get_attr"):
        if str(node.target).startswith("third"):
            parameter(silent, node).data.zero_()
    errors = sensitivities(silent, tiny_calibration, Recipe())
    assert {error.name for error in errors} == {"first", "second", "last"}
    assert all(math.isfinite(error.sqnr_db + error.through_db) for error in errors)


def test_an_exact_layer_has_the_sqnr_of_float32() -> None:
    value = torch.arange(1, 5.0)
    assert _sqnr_db(value, value) == pytest.approx(150)
    assert _sqnr_db(value, 0 * value) == pytest.approx(0)


def test_a_module_that_runs_twice_has_one_entry_with_its_worse_result(
    tiny_calibration: Calibration,
) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.last = nn.Conv2d(3, 3, 3), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(self.conv(x) * torch.tensor([1.0, 1e-4, 1e-4])[:, None, None])
            return self.last(x.mean((2, 3)))  # type: ignore[no-any-return]

    class Once(Twice):
        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.conv(x).mean((2, 3)))  # type: ignore[no-any-return]

    twice, once = (
        by_name(sensitivities(trace(net, 32), tiny_calibration, Recipe())) for net in (Twice(), Once())
    )
    assert twice.keys() == {"conv", "last"}
    assert twice["conv"].sqnr_db <= once["conv"].sqnr_db
