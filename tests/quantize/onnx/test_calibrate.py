"""The ranges of the network in ONNX files."""

from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from edgewise.export.artifact import Artifact
from edgewise.export.graph import Network
from edgewise.export.onnx.exporter import export
from edgewise.models.spec import ModelSpec
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.measured import Extremes, Measured
from edgewise.quantize.onnx.quantizer import quantize
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined


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
