"""The ranges of the network in OpenVINO files."""

from dataclasses import replace
from pathlib import Path

import openvino as ov
import pytest

from edgewise.export.artifact import Artifact
from edgewise.export.graph import Network
from edgewise.export.openvino.exporter import export
from edgewise.models.spec import ModelSpec
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.measured import Extremes, Measured
from edgewise.quantize.openvino.quantizer import quantize
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined


@pytest.fixture(scope="module")
def exact(varied_graph: Network, tiny_spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return export(varied_graph, tiny_spec, tmp_path_factory.mktemp("varied") / "float.xml")


def ends(
    exact: Artifact, measured: Measured | None, refined: Refined, calibration: Calibration, folder: Path
) -> dict[str, list[float]]:
    """The lowest and the highest value of every tensor that is rounded, by the name of its quantizer."""
    refined = replace(refined, measured=measured)
    file = quantize(exact, refined, calibration, Recipe(), folder / "int8.xml")
    return {
        operation.get_friendly_name(): [
            operation.input_value(port).get_node().data.item()
            for port in (1, 2)  # input_low and input_high, which are output_low and output_high as well
        ]
        for operation in ov.Core().read_model(file.path).get_ops()
        if operation.get_type_name() == "FakeQuantize"
    }


def test_the_ranges_are_those_that_nncf_measures(
    exact: Artifact, varied_refined: Refined, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    given = varied_refined, tiny_calibration, tmp_path
    shared, own = ends(exact, varied_refined.measured, *given), ends(exact, None, *given)
    assert shared.keys() == own.keys()
    assert len(shared) > 8
    for name, (low, high) in own.items():
        assert shared[name] == pytest.approx([low, high], abs=1e-4 * (high - low))


def test_quantizers_have_the_ranges_that_are_given(
    exact: Artifact, varied_refined: Refined, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    measured = varied_refined.measured
    assert measured is not None
    given = varied_refined, tiny_calibration, tmp_path
    plain = ends(exact, measured, *given)
    wide = {name: Extremes(2 * own.lows, 2 * own.highs) for name, own in measured.extremes.items()}
    found = ends(exact, replace(measured, extremes=wide), *given)
    factors = [(found[name][1] - found[name][0]) / (high - low) for name, (low, high) in plain.items()]
    doubled = sum(factor == pytest.approx(2, rel=1e-5) for factor in factors)
    # The rest are tensors that only other pictures tell apart, such as x and relu(x).
    assert doubled + sum(factor == 1 for factor in factors) == len(factors)
    assert doubled > 0.75 * len(factors)


def test_tensors_without_a_match_are_measured_in_the_model(
    exact: Artifact, varied_refined: Refined, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    measured = varied_refined.measured
    assert measured is not None
    (first, *_) = measured.statistics
    alone = Measured(measured.extremes, {first: measured.statistics[first]})
    given = varied_refined, tiny_calibration, tmp_path
    plain, found = ends(exact, measured, *given), ends(exact, alone, *given)
    assert found.keys() == plain.keys()
    for name, (low, high) in plain.items():
        assert found[name] == pytest.approx([low, high], abs=1e-4 * (high - low))
