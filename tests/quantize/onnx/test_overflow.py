"""Files whose INT8 products cannot exceed 16 bits hold the very integers that the simulation used."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from edgewise.export.artifact import Artifact
from edgewise.export.graph import parameter
from edgewise.export.pairs import fitted
from edgewise.models.spec import Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.onnx.quantizer import quantize
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined, refine
from edgewise.quantize.refine.simulation import groups_of, is_layer, layer_name, run_layer
from edgewise.runtime.onnx.session import open_exact, open_session, read_structure

if TYPE_CHECKING:
    from torch.fx import GraphModule


@pytest.fixture(scope="module", params=[True, False], ids=["per channel", "per tensor"])
def safe(
    tiny_graph: "GraphModule",
    onnx_float: Artifact,
    tiny_calibration: Calibration,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> tuple[Artifact, Refined, Recipe]:
    recipe = Recipe(no_overflow=True, per_channel=request.param)
    refined = refine(tiny_graph, tiny_calibration, recipe)
    out = tmp_path_factory.mktemp("safe") / "safe.onnx"
    return quantize(onnx_float, refined, tiny_calibration, recipe, out), refined, recipe


def restored(path: Path) -> dict[str, NDArray[Any]]:
    """The integers of each layer times their scales, by the layer's name."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    found = {}
    for name, value in constants.items():
        if name.endswith(".weight_quantized"):
            scale = constants[name.replace("_quantized", "_scale")]
            steps = value.astype(np.float32)
            found[name.removesuffix(".weight_quantized")] = steps * scale.reshape(-1, *[1] * (value.ndim - 1))
    return found


def test_the_file_holds_what_the_simulation_rounds_to(safe: tuple[Artifact, Refined, Recipe]) -> None:
    import torch

    file, refined, recipe = safe
    stored, moved = restored(file.path), 0
    for node in filter(is_layer, refined.network.graph.nodes):
        weight = parameter(refined.network, node.args[1]).detach()
        inputs = weight.shape[1] * groups_of(node)
        # One weight at a time: the layer's answer to a one in that place is the rounded weight itself.
        if weight.dim() == 2:
            used = run_layer(node, ((torch.eye(inputs), weight), {}), recipe).numpy().T
        elif weight.shape[2] == 1:
            ones = torch.eye(inputs)[:, :, None, None]
            used = run_layer(node, ((ones, weight), {}), recipe).numpy()[..., 0, 0].T[:, :, None, None]
        else:
            continue
        moved += fitted(weight.numpy(), per_channel=recipe.per_channel) is not None
        np.testing.assert_allclose(stored[layer_name(node)], used, rtol=1e-6, atol=1e-9)
    assert moved > 0


def test_it_is_certified_and_the_same_on_every_processor(
    safe: tuple[Artifact, Refined, Recipe], onnx_int8: Artifact, tiny_pictures: Tensor32
) -> None:
    path = safe[0].path
    assert read_structure(path).overflow == ()
    assert np.array_equal(open_session(path, 1)(tiny_pictures), open_exact(path, 1)(tiny_pictures))
    assert read_structure(onnx_int8.path).overflow


def test_a_float_layer_is_not_touched(
    onnx_float: Artifact, tiny_light: Refined, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    light = Recipe(no_overflow=True).weights_alone()
    file = quantize(onnx_float, tiny_light, tiny_calibration, light, tmp_path / "light.onnx")
    assert read_structure(file.path).overflow == ()
    assert not light.no_overflow
