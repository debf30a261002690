"""Smaller ONNX files, really made and run."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from edgewise.export.artifact import Artifact
from edgewise.export.graph import trace
from edgewise.export.onnx.exporter import export, save
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.onnx.quantizer import _quantized, halve, quantize
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined, refine
from edgewise.runtime.judge.stats import agreement
from edgewise.runtime.machine import saturates
from edgewise.runtime.onnx.session import OnnxSession, open_reference, read_structure

ISLANDS = ("3.layers.3", "4.layers.0", "12")


@pytest.fixture(scope="module")
def mixed(
    onnx_float: Artifact,
    tiny_refined: Refined,
    tiny_calibration: Calibration,
    tmp_path_factory: pytest.TempPathFactory,
) -> Artifact:
    out = tmp_path_factory.mktemp("mixed") / "tiny.onnx"
    return quantize(onnx_float, tiny_refined, tiny_calibration, Recipe(float_layers=ISLANDS), out)


def constants(file: Artifact) -> dict[str, onnx.TensorProto]:
    return {tensor.name: tensor for tensor in onnx.load(file.path).graph.initializer}


def test_the_whole_network_is_integer(onnx_int8: Artifact) -> None:
    found = read_structure(onnx_int8.path)
    assert found.precision == onnx_int8.precision == "w8a8"
    assert (found.float_layers, found.islands) == (0, {})
    assert {
        operator.type: operator.count for operator in found.operators if operator.arithmetic == "cast"
    } == {
        "QuantizeLinear": 1,
        "DequantizeLinear": 1,
    }


def test_it_agrees_with_the_float_file(
    onnx_int8: Artifact, onnx_float: Artifact, tiny_pictures: Tensor32
) -> None:
    logits = OnnxSession(onnx_float.path, 1)(tiny_pictures)
    found = agreement(logits, open_reference(onnx_int8.path)(tiny_pictures))
    assert len(np.unique(logits.argmax(1))) > 3  # agreement on one class would prove nothing
    assert found.top1 >= 0.9
    assert found.sqnr_db > 15


def test_a_file_describes_itself(onnx_int8: Artifact, tiny_refined: Refined, tiny_spec: ModelSpec) -> None:
    assert onnx_int8.details == Recipe().to_json() | tiny_refined.to_json()
    found = read_structure(onnx_int8.path).metadata
    assert (found["producer"], found["precision"]) == ("edgewise", "w8a8")
    assert json.loads(found["labels"]) == list(tiny_spec.labels.names)
    assert not [key for key in found if key.startswith("onnx")]  # the library's own entries


def test_the_same_pictures_give_the_same_bytes(
    onnx_float: Artifact,
    tiny_refined: Refined,
    tiny_calibration: Calibration,
    onnx_int8: Artifact,
    tmp_path: Path,
) -> None:
    again = quantize(onnx_float, tiny_refined, tiny_calibration, Recipe(), tmp_path / "again.onnx")
    assert again.path.read_bytes() == onnx_int8.path.read_bytes()


def test_a_network_with_other_operators_is_converted_again(
    tiny_spec: ModelSpec, tiny_calibration: Calibration, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.Hardswish(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 6)
    )
    graph = trace(network, 32)
    refined = refine(graph, tiny_calibration, Recipe())
    assert refined.rewrites == 1
    before = export(graph, tiny_spec, tmp_path / "float.onnx")
    found = quantize(before, refined, tiny_calibration, Recipe(), tmp_path / "int8.onnx")
    operators = {operator.type: operator.count for operator in read_structure(found.path).operators}
    assert (operators["QLinearMul"], operators["QLinearAdd"]) == (1, 1)
    assert not any("Hard" in name for name in operators)
    answers = (open_reference(file.path)(tiny_pictures) for file in (before, found))
    assert agreement(*answers).sqnr_db > 10


def test_integer_inputs_and_outputs_are_refused(
    onnx_float: Artifact, tiny_refined: Refined, tiny_calibration: Calibration
) -> None:
    with pytest.raises(UsageError, match="is only for tflite"):
        quantize(onnx_float, tiny_refined, tiny_calibration, Recipe(io="uint8"), Path("never.onnx"))


def test_per_tensor_scales_are_less_accurate(
    onnx_float: Artifact,
    tiny_refined: Refined,
    tiny_calibration: Calibration,
    onnx_int8: Artifact,
    tiny_pictures: Tensor32,
    tmp_path: Path,
) -> None:
    recipe = Recipe(per_channel=False)
    coarse = quantize(onnx_float, tiny_refined, tiny_calibration, recipe, tmp_path / "coarse.onnx")
    sizes = {name: tensor.dims for name, tensor in constants(coarse).items() if name.endswith("_scale")}
    assert {tuple(size) for size in sizes.values()} <= {(), (1,)}
    logits = OnnxSession(onnx_float.path, 1)(tiny_pictures)
    worse, better = (
        agreement(logits, open_reference(file.path)(tiny_pictures)).sqnr_db for file in (coarse, onnx_int8)
    )
    assert worse < better - 1


def test_averaged_ranges_are_narrower(
    onnx_float: Artifact,
    tiny_refined: Refined,
    tiny_calibration: Calibration,
    onnx_int8: Artifact,
    tmp_path: Path,
) -> None:
    recipe = Recipe(ranges="mean-min-max")
    averaged = quantize(onnx_float, tiny_refined, tiny_calibration, recipe, tmp_path / "averaged.onnx")
    found, widest = (numpy_helper.to_array(constants(file)["input_scale"]) for file in (averaged, onnx_int8))
    pictures = tiny_calibration.batch(32)
    assert widest == pytest.approx((pictures.max() - pictures.min()) / 255, rel=1e-5)
    each = pictures.max((1, 2, 3)).mean() - pictures.min((1, 2, 3)).mean()
    assert found == pytest.approx(each / 255, rel=1e-5)
    assert found < widest


def test_layers_stay_in_float(mixed: Artifact, tiny_refined: Refined) -> None:
    found = read_structure(mixed.path)
    assert found.precision == mixed.precision == "w8a8-mixed"
    assert found.float_layers == 3
    kept = constants(mixed)
    for name in ISLANDS:
        weight = tiny_refined.network.get_parameter(f"{name}.weight").detach().numpy()
        assert np.array_equal(numpy_helper.to_array(kept[f"{name}.weight"]), weight)
    assert "0.weight" not in kept


def test_the_runtime_leaves_float_layers_alone(
    mixed: Artifact, tiny_pictures: Tensor32, exact_integers: Callable[[Path, Tensor32], Tensor32]
) -> None:
    plain = open_reference(mixed.path)(tiny_pictures)
    assert agreement(plain, exact_integers(mixed.path, tiny_pictures)).sqnr_db > 25
    here = agreement(plain, OnnxSession(mixed.path, 1)(tiny_pictures)).sqnr_db
    assert (here > 25) == (not saturates())


def test_the_runtime_would_quantize_layers_that_the_library_keeps_in_float(
    onnx_float: Artifact, tiny_calibration: Calibration, mixed: Artifact, tmp_path: Path
) -> None:
    source = onnx.load(onnx_float.path)
    model, nodes = _quantized(source, None, tiny_calibration, Recipe(float_layers=ISLANDS), tmp_path)
    assert len(nodes) == 3
    bare = save(model, replace(mixed, path=tmp_path / "bare.onnx"))
    assert read_structure(bare.path).float_layers < 3


def test_a_float_layer_must_exist(
    onnx_float: Artifact, tiny_refined: Refined, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    recipe = Recipe(float_layers=("12", "13"))
    with pytest.raises(EdgewiseError, match=r"'13' cannot stay in float: .* its 12 layers are 0, 3\.layers"):
        quantize(onnx_float, tiny_refined, tiny_calibration, recipe, tmp_path / "never.onnx")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(("precision", "stored", "sqnr_db"), [("fp16", "float16", 50), ("w8a32", "int8", 18)])
def test_weights_only_files_are_small(
    onnx_float: Artifact,
    tiny_light: Refined,
    tiny_calibration: Calibration,
    tiny_pictures: Tensor32,
    tmp_path: Path,
    precision: str,
    stored: str,
    sqnr_db: float,
) -> None:
    out = tmp_path / "small.onnx"
    if precision == "fp16":
        small = halve(onnx_float, out)
    else:
        small = quantize(onnx_float, tiny_light, tiny_calibration, Recipe().weights_alone(), out)
    before, after = read_structure(onnx_float.path), read_structure(small.path)
    assert (small.precision, after.precision) == (precision, precision)
    assert after.metadata["precision"] == precision
    assert after.operators == before.operators  # no work is added for each picture
    assert after.macs == before.macs
    assert after.weights[stored] == 8 * 3 * 9 + 3 * (2 * 8 * 16 + 16 * 9) + 8 * 32 + 32 * 6
    assert numpy_helper.to_array(constants(small)["12.bias"]).dtype == np.float32
    answers = (OnnxSession(file.path, 1)(tiny_pictures) for file in (onnx_float, small))
    assert agreement(*answers).sqnr_db > sqnr_db


def test_weights_beyond_half_precision_are_refused(tiny_spec: ModelSpec, tmp_path: Path) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 6))
    with torch.no_grad():
        network.get_parameter("1.weight")[2, 5] = -7e4
    onnx_float = export(trace(network, 32), tiny_spec, tmp_path / "float.onnx")
    with pytest.raises(EdgewiseError, match=r"1\.weight has values beyond 65504"):
        halve(onnx_float, tmp_path / "half.onnx")
    assert not (tmp_path / "half.onnx").exists()
