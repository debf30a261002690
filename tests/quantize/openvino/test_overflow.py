"""OpenVINO files whose INT8 products cannot exceed 16 bits hold the very integers that were chosen."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgewise.export.artifact import Artifact
from edgewise.export.engines import importing
from edgewise.export.graph import parameter
from edgewise.export.pairs import fitted, is_depthwise
from edgewise.models.spec import Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.openvino.quantizer import quantize
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined, refine
from edgewise.quantize.refine.simulation import groups_of, is_layer
from edgewise.runtime.judge.stats import agreement
from edgewise.runtime.openvino.session import open_exact, open_session, read_structure

with importing("Testing", "openvino"):
    import openvino as ov

if TYPE_CHECKING:
    from torch.fx import GraphModule

RECIPE = Recipe(no_overflow=True)


@pytest.fixture(scope="module")
def safe(
    tiny_graph: "GraphModule",
    openvino_float: Artifact,
    tiny_calibration: Calibration,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Refined]:
    refined = refine(tiny_graph, tiny_calibration, RECIPE)
    out = tmp_path_factory.mktemp("safe") / "safe.xml"
    return quantize(openvino_float, refined, tiny_calibration, RECIPE, out).path, refined


def test_the_file_holds_the_chosen_integers(safe: tuple[Path, Refined]) -> None:
    path, refined = safe
    operations = ov.Core().read_model(path).get_ops()
    stored = [op.data for op in operations if op.get_type_name() == "Constant" and op.data.dtype == np.int8]
    chosen = []
    for node in filter(is_layer, refined.network.graph.nodes):
        weight = parameter(refined.network, node.args[1]).detach().numpy()
        if not is_depthwise(weight.shape, groups_of(node)):
            grid = fitted(weight)
            chosen += [grid.steps] if grid else []
    assert chosen
    for steps in chosen:
        assert any(held.shape == steps.shape and np.array_equal(held, steps) for held in stored)


def test_it_is_certified_and_this_machine_does_not_saturate(
    safe: tuple[Path, Refined], openvino_int8: Artifact, tiny_pictures: Tensor32
) -> None:
    path = safe[0]
    assert read_structure(path).overflow == ()
    assert read_structure(openvino_int8.path).overflow
    found = agreement(open_exact(path, 1)(tiny_pictures), open_session(path, 1)(tiny_pictures))
    assert found.sqnr_db > 25


def test_without_refinement_nncf_keeps_the_weights_safe(
    openvino_float: Artifact, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    file = quantize(openvino_float, None, tiny_calibration, RECIPE, tmp_path / "plain.xml")
    assert read_structure(file.path).overflow == ()
