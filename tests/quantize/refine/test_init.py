"""Refinement changes a copy of the network and makes the INT8 file more accurate."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgewise.export.artifact import Artifact
from edgewise.export.graph import Network, trace
from edgewise.export.tflite.flatbuffer import unpack
from edgewise.models.data.copies import Seen
from edgewise.models.spec import Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.measured import Range
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined, refine
from edgewise.quantize.refine.simulation import sample
from edgewise.quantize.tflite.quantizer import quantize
from edgewise.runtime.judge.stats import agreement
from edgewise.runtime.tflite.session import TfliteSession


def test_the_original_is_not_changed(tiny_network: nn.Module, tiny_calibration: Calibration) -> None:
    graph = trace(tiny_network, 32)
    before = {name: value.clone() for name, value in graph.state_dict().items()}
    refined = refine(graph, tiny_calibration, Recipe())
    assert refined.original is graph
    assert all(torch.equal(value, before[name]) for name, value in graph.state_dict().items())
    after = refined.network.state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert len(changed) == 12 + 6  # all biases, and the weights before and after the rescaled tensors


def test_convolutions_of_three_dimensions_do_not_matter(tiny_calibration: Calibration) -> None:
    class Lambda(nn.Module):
        """A convolution over places of values, as in lambda networks."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.over = nn.Conv2d(3, 4, 3), nn.Conv3d(1, 2, (1, 3, 3))

        def forward(self, x: Tensor) -> Tensor:
            seen: Tensor = self.over(self.first(x)[:, None])
            return seen.mean((3, 4)).flatten(1)

    assert refine(trace(Lambda(), 32), tiny_calibration, Recipe()).corrected_layers == 1


def test_changes_are_counted(tiny_refined: Refined) -> None:
    assert tiny_refined.to_json() == {
        "rewrites": 0,
        "equalized_groups": 2,
        "bias_corrected_layers": 12,
        "learned_layers": 0,
    }


@pytest.mark.parametrize(("equalized", "is_corrected"), [(False, False), (True, False), (False, True)])
def test_the_recipe_is_followed(
    tiny_graph: Network, tiny_calibration: Calibration, equalized: bool, is_corrected: bool
) -> None:
    refined = refine(tiny_graph, tiny_calibration, Recipe(equalize=equalized, correct=is_corrected))
    assert (refined.equalized_groups, refined.corrected_layers) == (2 * equalized, 12 * is_corrected)
    old, new = tiny_graph.state_dict(), refined.network.state_dict()
    changed = {name.rpartition(".")[2] for name in old if not torch.equal(old[name], new[name])}
    assert ("weight" in changed) == equalized
    assert bool(changed) == (equalized or is_corrected)


def test_activations_without_int8_form_are_rewritten(tiny_calibration: Calibration) -> None:
    torch.manual_seed(0)
    graph = trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Hardswish(inplace=True), nn.Conv2d(4, 2, 30)), 32)
    refined = refine(graph, tiny_calibration, Recipe(equalize=False, correct=False))
    assert refined.rewrites == 1
    x = sample(tiny_calibration)
    torch.testing.assert_close(refined.network(x), graph(x), rtol=1e-5, atol=1e-5)


def test_the_int8_file_gets_closer_to_the_float_file(
    tiny_graph: Network,
    tiny_calibration: Calibration,
    tiny_float: Artifact,
    tiny_int8: dict[str, Artifact],
    tiny_pictures: Tensor32,
    tmp_path: Path,
) -> None:
    nothing = Refined(tiny_graph, tiny_graph, 0, 0, 0)
    plain = quantize(tiny_float, nothing, tiny_calibration, Recipe(io="int8"), tmp_path / "plain.tflite")
    exact, refined, unrefined = (
        TfliteSession(file.path, 1)(tiny_pictures) for file in (tiny_float, tiny_int8["int8"], plain)
    )
    assert agreement(exact, refined).sqnr_db > agreement(exact, unrefined).sqnr_db + 3


def test_weights_are_learned_where_other_pictures_gain_by_it(
    tiny_graph: Network, tiny_calibration: Calibration
) -> None:
    recipe = Recipe(learn=True, per_channel=False)
    learned = refine(tiny_graph, tiny_calibration, recipe)
    assert learned.learned_layers == 12
    assert learned.simulated_db is None
    grey = tiny_calibration.pixels.copy()
    grey[:16] = 128
    misled = replace(tiny_calibration, pixels=grey)
    refined, plain = (refine(tiny_graph, misled, replace(recipe, learn=learn)) for learn in (True, False))
    assert refined.learned_layers == 0
    assert refined.simulated_db == plain.simulated_db
    for name, value in plain.network.state_dict().items():
        assert torch.equal(refined.network.state_dict()[name], value), name


def test_photographs_choose_ranges_and_the_file_has_them(
    tiny_graph: Network, tiny_calibration: Calibration, tiny_float: Artifact, tmp_path: Path
) -> None:
    recipe = Recipe(ranges="least-error")
    photographs = replace(tiny_calibration, seen=Seen(frozenset({"of a file"})))
    refined = refine(tiny_graph, photographs, recipe)
    assert refined.measured is not None
    chosen = refined.measured.chosen
    assert "linear" in chosen
    assert all(refined.measured.ranges("least-error")[name] == bounds for name, bounds in chosen.items())
    halved = {name: Range(low / 2, high / 2) for name, (low, high) in chosen.items()}
    refined = replace(refined, measured=replace(refined.measured, chosen=halved))
    file = quantize(tiny_float, refined, photographs, recipe, tmp_path / "chosen.tflite")
    scales = [
        float(tensor.quantization.scale[0])
        for tensor in unpack(file.path.read_bytes()).subgraphs[0].tensors
        if tensor.quantization is not None and tensor.quantization.scale is not None
    ]
    for name, (low, high) in halved.items():
        assert min(abs((high - low) / 255 / scale - 1) for scale in scales) < 1e-3, name


def test_generated_pictures_choose_no_ranges(tiny_graph: Network, tiny_calibration: Calibration) -> None:
    refined = refine(tiny_graph, tiny_calibration, Recipe(ranges="least-error"))
    assert refined.measured is not None
    assert refined.measured.chosen == {}
