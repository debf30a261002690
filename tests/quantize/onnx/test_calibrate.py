"""The ranges of the network in ONNX files."""

from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from edgewise.export.artifact import Artifact
from edgewise.export.graph import Network, trace
from edgewise.export.onnx.exporter import export
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.measured import Extremes, Measured
from edgewise.quantize.onnx.quantizer import quantize
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined, refine
from edgewise.runtime.judge.stats import agreement
from edgewise.runtime.onnx.session import open_exact


@pytest.fixture(scope="module")
def exact(varied_graph: Network, tiny_spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return export(varied_graph, tiny_spec, tmp_path_factory.mktemp("varied") / "float.onnx")


def scales(
    exact: Artifact, measured: Measured | None, refined: Refined, calibration: Calibration, folder: Path
) -> dict[str, tuple[float, int]]:
    """Scale and zero point of every tensor that is rounded, by its name."""
    refined = replace(refined, measured=measured)
    file = quantize(exact, refined, calibration, Recipe(), folder / "int8.onnx")
    graph = onnx.load(file.path).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return {
        node.input[0]: (constants[node.input[1]].item(), constants[node.input[2]].item())
        for node in graph.node
        if node.op_type == "QuantizeLinear"
    }


def test_the_ranges_are_those_that_the_library_measures(
    exact: Artifact, varied_refined: Refined, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    given = varied_refined, tiny_calibration, tmp_path
    shared, own = scales(exact, varied_refined.measured, *given), scales(exact, None, *given)
    assert shared.keys() == own.keys()
    assert len(shared) > 20
    for name, wanted in own.items():
        assert shared[name] == pytest.approx(wanted, rel=1e-4)


def test_scales_come_from_the_ranges_that_are_given(
    exact: Artifact, varied_refined: Refined, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    measured = varied_refined.measured
    assert measured is not None
    given = varied_refined, tiny_calibration, tmp_path
    plain = scales(exact, measured, *given)
    wide = {name: Extremes(2 * own.lows, 2 * own.highs) for name, own in measured.extremes.items()}
    found = scales(exact, replace(measured, extremes=wide), *given)
    factors = [found[name][0] / plain[name][0] for name in plain]
    doubled = sum(factor == pytest.approx(2, rel=1e-6) for factor in factors)
    # The rest are tensors that only other pictures tell apart, such as x + 3 and relu6(x + 3).
    assert doubled + sum(factor == 1 for factor in factors) == len(factors)
    assert doubled > 0.75 * len(factors)


def test_tensors_without_a_match_are_measured_in_the_graph(
    exact: Artifact, varied_refined: Refined, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    measured = varied_refined.measured
    assert measured is not None
    (first, *_) = measured.statistics
    alone = Measured(measured.extremes, {first: measured.statistics[first]})
    given = varied_refined, tiny_calibration, tmp_path
    plain, found = scales(exact, measured, *given), scales(exact, alone, *given)
    assert found.keys() == plain.keys()
    for name, wanted in plain.items():
        assert found[name] == pytest.approx(wanted, rel=1e-4)


class Attentive(nn.Module):
    """Attention of 256 tokens to each other, none of which matters more than the others."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 16, 3, 2, 1), nn.Linear(16, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.stem(x).flatten(2).transpose(1, 2)
        shares = (tokens @ tokens.transpose(1, 2) / 64).softmax(-1)
        seen: torch.Tensor = self.head((shares @ tokens).mean(1))
        return seen


def test_shares_of_many_tokens_do_not_become_zero(
    tiny_spec: ModelSpec, tiny_calibration: Calibration, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    graph = trace(Attentive().eval(), 32)
    twin = export(graph, tiny_spec, tmp_path / "float.onnx")
    refined = refine(graph, tiny_calibration, Recipe())
    found = scales(twin, refined.measured, refined, tiny_calibration, tmp_path)
    (softmax,) = [node.output[0] for node in onnx.load(twin.path).graph.node if node.op_type == "Softmax"]
    assert found[softmax][0] < 1 / 2048  # the library takes 1/255
    answers = [open_exact(path, 1)(tiny_pictures) for path in (twin.path, tmp_path / "int8.onnx")]
    assert agreement(*answers).sqnr_db > 15
