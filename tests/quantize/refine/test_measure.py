"""One pass that sees every tensor of the refined network."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.fx import Interpreter

from edgewise.export.graph import trace
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.measured import PICTURES, statistics
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined, refine
from edgewise.quantize.refine.measure import measure


def test_every_tensor_has_its_extremes_on_every_picture(
    varied_refined: Refined, tiny_calibration: Calibration
) -> None:
    assert varied_refined.measured is not None
    pictures = torch.from_numpy(tiny_calibration.batch(32)).permute(0, 3, 1, 2).contiguous()
    values: dict[str, Tensor] = {}

    class Keep(Interpreter):
        def run_node(self, n: torch.fx.Node) -> object:
            values[n.name] = super().run_node(n)
            return values[n.name]

    with torch.no_grad():
        Keep(varied_refined.network, garbage_collect_values=False).run(pictures)
    found = varied_refined.measured.extremes
    computed = [node for node in varied_refined.network.graph.nodes if node.op == "call_function"]
    assert {node.name for node in computed} <= found.keys()
    for node in computed:
        if node.target.__name__.partition(".")[0].endswith("_"):
            continue  # `values` has what was written there later
        low, high = torch.aminmax(values[node.name].flatten(1), dim=1)
        scale = float(values[node.name].abs().max())
        np.testing.assert_allclose(found[node.name].lows, low, atol=1e-5 * scale)
        np.testing.assert_allclose(found[node.name].highs, high, atol=1e-5 * scale)


def test_statistics_are_those_of_the_first_pictures(tiny_calibration: Calibration) -> None:
    found = measure(trace(nn.Sequential(nn.Flatten(), nn.Linear(3072, 6)), 32), tiny_calibration)
    wanted = [statistics(picture) for picture in tiny_calibration.batch(PICTURES)]
    np.testing.assert_allclose(found.statistics["input_1"], wanted, rtol=1e-6)


@pytest.mark.parametrize("affine", [False, True])
def test_what_converters_make_of_one_operator_is_measured_too(
    tiny_calibration: Calibration, affine: bool
) -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3, affine=affine)
    norm.running_mean, norm.running_var = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1.0, 2.0, 4.0])
    if affine:
        nn.init.normal_(norm.weight)
    network = nn.Sequential(norm, nn.SiLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    found = measure(trace(network, 32), tiny_calibration).extremes
    x = torch.from_numpy(tiny_calibration.batch(32)).permute(0, 3, 1, 2)
    centred = x - norm.running_mean.reshape(3, 1, 1)
    scaled = centred / torch.sqrt(norm.running_var.reshape(3, 1, 1) + norm.eps)
    wanted = {"batch_norm/centred": centred, "batch_norm/scaled": scaled}
    if affine:
        wanted["batch_norm/gained"] = scaled * norm.weight.reshape(3, 1, 1)
    with torch.no_grad():
        wanted["silu/gate"] = torch.sigmoid(norm.eval()(x))
    assert {name for name in found if "/" in name} == wanted.keys()
    for name, values in wanted.items():
        low, high = torch.aminmax(values.detach().flatten(1), dim=1)
        np.testing.assert_allclose(found[name].lows, low, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found[name].highs, high, rtol=1e-4, atol=1e-5)


def test_pictures_need_not_come_first(tiny_calibration: Calibration) -> None:
    class Turned(nn.Module):
        """A tensor of places by pictures, as attention has it."""

        def forward(self, x: Tensor) -> Tensor:
            return (3 * x.flatten(1).permute(1, 0)).permute(1, 0)[:, :6]

    found = measure(trace(Turned(), 32), tiny_calibration).extremes
    pictures = tiny_calibration.batch(32)
    np.testing.assert_allclose(found["mul"].highs, 3 * pictures.max((1, 2, 3)), rtol=1e-6)


def test_float_activations_are_not_measured(tiny_light: Refined) -> None:
    assert tiny_light.measured is None


def test_measuring_changes_nothing(varied_refined: Refined, tiny_calibration: Calibration) -> None:
    before = {name: value.clone() for name, value in varied_refined.network.state_dict().items()}
    again = measure(varied_refined.network, tiny_calibration)
    assert all(
        torch.equal(value, before[name]) for name, value in varied_refined.network.state_dict().items()
    )
    first = refine(varied_refined.original, tiny_calibration, Recipe()).measured
    assert first is not None
    assert first.extremes.keys() == again.extremes.keys()
