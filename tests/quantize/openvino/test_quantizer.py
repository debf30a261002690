"""OpenVINO files in every precision, really made and run."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgewise.export.artifact import Artifact
from edgewise.export.engines import importing
from edgewise.export.graph import Network, trace
from edgewise.export.openvino.exporter import export
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.openvino.quantizer import halve, quantize
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined, refine
from edgewise.runtime.judge.stats import agreement
from edgewise.runtime.openvino.session import open_exact, open_session, read_structure

with importing("Testing", "export"):
    import openvino as ov


def quantizers(path: Path) -> list[tuple[float, float]]:
    """The ranges of all activations; per channel they would be more than two numbers each."""
    return [
        tuple(node.input_value(index).get_node().data.item() for index in (1, 2))
        for node in ov.Core().read_model(path).get_ordered_ops()
        if node.get_type_name() == "FakeQuantize"
    ]


def scales(path: Path) -> list[int]:
    """The number of scales of each weight."""
    operations = ov.Core().read_model(path).get_ordered_ops()
    return [
        node.input_value(1).get_node().data.size
        for node in operations
        if node.get_type_name() == "Multiply" and node.input_value(0).get_node().get_type_name() == "Convert"
    ]


def test_the_whole_network_is_integer(openvino_int8: Artifact, tiny_network: nn.Module) -> None:
    found = read_structure(openvino_int8.path)
    assert found.precision == "w8a8"
    assert found.islands == {}
    layers = (layer for layer in tiny_network.modules() if isinstance(layer, nn.Conv2d | nn.Linear))
    assert found.weights["int8"] == sum(layer.weight.numel() for layer in layers)
    assert (openvino_int8.precision, openvino_int8.io) == ("w8a8", "float32")
    assert openvino_int8.path.suffix == ".xml"


def test_it_agrees_with_the_float_file(
    openvino_float: Artifact, openvino_int8: Artifact, tiny_pictures: Tensor32
) -> None:
    exact, answers = (open_exact(file.path, 1)(tiny_pictures) for file in (openvino_float, openvino_int8))
    found = agreement(exact, answers)
    assert len(np.unique(exact.argmax(1))) > 3  # agreement on one class would prove nothing
    assert found.top1 >= 0.9
    assert found.sqnr_db > 15


def test_activations_are_per_tensor_and_the_input_range_is_complete(
    openvino_int8: Artifact, tiny_calibration: Calibration
) -> None:
    low, high = quantizers(openvino_int8.path)[0]
    seen = tiny_calibration.batch(32)
    step = float(seen.max() - seen.min()) / 255
    assert low == pytest.approx(seen.min(), abs=step)
    assert high == pytest.approx(seen.max(), abs=step)


def test_a_recipe_is_followed(
    openvino_float: Artifact,
    openvino_int8: Artifact,
    tiny_refined: Refined,
    tiny_calibration: Calibration,
    tmp_path: Path,
) -> None:
    recipe = Recipe(per_channel=False, ranges="mean-min-max", float_layers=("4.layers.3", "12"))
    made = quantize(openvino_float, tiny_refined, tiny_calibration, recipe, tmp_path / "mixed.xml")
    found = read_structure(made.path)
    assert (made.precision, found.precision, found.float_layers) == ("w8a8-mixed", "w8a8-mixed", 2)
    assert set(scales(made.path)) == {1}
    assert set(scales(openvino_int8.path)) == {6, 8, 16, 32}
    narrow, wide = (quantizers(file.path)[0] for file in (made, openvino_int8))
    assert wide[1] - wide[0] > 1.01 * (narrow[1] - narrow[0])
    assert made.details == recipe.to_json() | tiny_refined.to_json()


def test_the_same_pictures_give_the_same_bytes_and_no_output(
    openvino_float: Artifact,
    openvino_int8: Artifact,
    tiny_refined: Refined,
    tiny_calibration: Calibration,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    again = quantize(openvino_float, tiny_refined, tiny_calibration, Recipe(), tmp_path / "again.xml")
    for one, other in zip(again.files.values(), openvino_int8.files.values(), strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert capfd.readouterr() == ("", "")


def test_a_hard_swish_stays_fused_with_its_convolution(
    tiny_spec: ModelSpec, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2),
        nn.Hardswish(),
        nn.Conv2d(8, 8, 3),
        nn.Hardswish(),
        nn.Flatten(),
        nn.Linear(1352, 6),
    )
    graph = trace(network, 32)
    refined = refine(graph, tiny_calibration, Recipe())
    assert refined.rewrites == 2
    made = export(graph, tiny_spec, tmp_path / "float.xml")
    found = read_structure(quantize(made, refined, tiny_calibration, Recipe(), tmp_path / "int8.xml").path)
    assert found.precision == "w8a8"


def test_integer_inputs_and_outputs_are_refused(
    openvino_float: Artifact, tiny_refined: Refined, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="--io int8 is only for tflite"):
        quantize(openvino_float, tiny_refined, tiny_calibration, Recipe(io="int8"), tmp_path / "no.xml")


def test_an_unknown_layer_is_refused(
    openvino_float: Artifact, tiny_refined: Refined, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    recipe = Recipe(float_layers=("0", "99.layers"))
    with pytest.raises(
        EdgewiseError, match=r"'99\.layers.* cannot stay in float: the OpenVINO file has no layer"
    ):
        quantize(openvino_float, tiny_refined, tiny_calibration, recipe, tmp_path / "no.xml")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(("precision", "kind", "loss_db"), [("fp16", "float16", 40), ("w8a32", "int8", 18)])
def test_only_the_weights_are_compressed(
    openvino_float: Artifact,
    tiny_light: Refined,
    tiny_calibration: Calibration,
    tiny_pictures: Tensor32,
    tmp_path: Path,
    precision: str,
    kind: str,
    loss_db: float,
) -> None:
    out = tmp_path / f"{precision}.openvino"
    if precision == "fp16":
        made = halve(openvino_float, out)
    else:
        made = quantize(openvino_float, tiny_light, tiny_calibration, Recipe().weights_alone(), out)
    found = read_structure(made.path)
    assert (made.precision, made.io, found.precision) == (precision, "float32", precision)
    layers = {operator.arithmetic for operator in found.operators if operator.layer}
    assert layers == {"float32"}
    assert max(found.weights, key=lambda name: found.weights[name]) == kind
    assert found.metadata["model_info.labels"] == "ant bee cat dog elk fox"
    exact, answers = (open_session(file.path, 1)(tiny_pictures) for file in (openvino_float, made))
    assert agreement(exact, answers).sqnr_db > loss_db
    assert not np.array_equal(exact, answers)


def test_int8_weights_are_rounded_to_the_nearest_step(
    openvino_float: Artifact, tiny_graph: Network, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    """Even in a layer of zeros, whose scale is 0."""
    unrefined = Refined(tiny_graph, tiny_graph, 0, 0, 0)
    out = tmp_path / "w8a32.xml"
    made = quantize(openvino_float, unrefined, tiny_calibration, Recipe().weights_alone(), out)
    exact = {
        node.get_friendly_name(): node.input_value(1).get_node().data
        for node in ov.Core().read_model(openvino_float.path).get_ops()
        if node.get_type_name() in {"Convolution", "GroupConvolution", "MatMul"}
    }
    for node in ov.Core().read_model(made.path).get_ops():
        if node.get_friendly_name() not in exact:
            continue
        product = node.input_value(1).get_node()
        steps = product.input_value(0).get_node().input_value(0).get_node().data
        scale = product.input_value(1).get_node().data
        weight = exact.pop(node.get_friendly_name())
        assert steps.dtype == np.int8
        assert scale.size == weight.size // int(np.prod(weight.shape[-1 if weight.ndim == 2 else -3 :]))
        assert (np.abs(steps * scale - weight) <= 0.5001 * scale).all()
    assert not exact


def test_activations_stay_in_float_unless_the_user_says_otherwise(
    openvino_float: Artifact, tiny_light: Refined, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    out = tmp_path / "w8a32.xml"
    made = quantize(openvino_float, tiny_light, tiny_calibration, Recipe().weights_alone(), out)
    sizes = [
        int(ov.Core().compile_model(path, "CPU").get_property("DYNAMIC_QUANTIZATION_GROUP_SIZE"))
        for path in (openvino_float.path, made.path)
    ]
    assert sizes[0] > 0 == sizes[1]


def test_weights_too_large_for_float16_are_refused(tiny_spec: ModelSpec, tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with torch.no_grad():
        network.get_parameter("0.weight")[0, 0, 0, 0] = 7e4
    made = export(trace(network, 32), tiny_spec, tmp_path / "large.xml")
    with pytest.raises(EdgewiseError, match="beyond 65504"):
        halve(made, tmp_path / "half.xml")


def test_a_file_without_refined_weights_is_corrected_by_nncf(
    openvino_float: Artifact, tiny_calibration: Calibration, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    exact = open_session(openvino_float.path, 1)(tiny_pictures)
    made = [
        quantize(openvino_float, None, tiny_calibration, Recipe(correct=correct), tmp_path / f"{correct}.xml")
        for correct in (True, False)
    ]
    assert [file.details["correct"] for file in made] == [True, False]
    assert [file.details["equalize"] for file in made] == [False, False]
    with_correction, without = (
        agreement(exact, open_exact(file.path, 1)(tiny_pictures)).sqnr_db for file in made
    )
    assert with_correction > without + 0.2
