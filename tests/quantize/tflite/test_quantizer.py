"""Smaller TFLite files, really made and run."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgewise.export.artifact import IOS, Artifact
from edgewise.export.graph import Network, parameter, trace
from edgewise.export.tflite.exporter import export
from edgewise.export.tflite.flatbuffer import pack, unpack
from edgewise.export.tflite.layers import layers, operators
from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined, refine
from edgewise.quantize.tflite.patch import patch
from edgewise.quantize.tflite.quantizer import halve, quantize
from edgewise.runtime.judge.stats import Agreement, agreement
from edgewise.runtime.tflite.session import TfliteSession, read_structure


def compared(exact: Artifact, other: Artifact, pictures: Tensor32) -> Agreement:
    return agreement(*(TfliteSession(file.path, 1)(pictures) for file in (exact, other)))


def unrefined(graph: Network) -> Refined:
    return Refined(graph, graph, 0, 0, 0)


@pytest.mark.parametrize("io", IOS)
def test_the_whole_network_is_integer(tiny_int8: dict[str, Artifact], io: str) -> None:
    found = read_structure(tiny_int8[io].path)
    assert (found.float_layers, found.islands) == (0, {})
    assert "TRANSPOSE" not in {operator.type for operator in found.operators}
    assert (found.partitions, found.whole) == (1, True)
    assert [end.dtype for end in (*found.inputs, *found.outputs)] == [io, io]
    assert (tiny_int8[io].precision, tiny_int8[io].io) == ("w8a8", io)


def test_results_do_not_depend_on_the_io_type(
    tiny_int8: dict[str, Artifact], tiny_float: Artifact, tiny_pictures: Tensor32
) -> None:
    exact = TfliteSession(tiny_float.path, 1)(tiny_pictures)
    answers = [TfliteSession(tiny_int8[io].path, 1)(tiny_pictures) for io in IOS]
    found = [agreement(exact, answer) for answer in answers]
    assert len(np.unique(exact.argmax(1))) > 3  # agreement on one class would prove nothing
    assert found[0].top1 >= 0.9
    assert found[0].sqnr_db > 15
    assert found[0].top1 == found[1].top1 == found[2].top1


def test_the_artifact_describes_what_was_done(tiny_int8: dict[str, Artifact], tiny_refined: Refined) -> None:
    assert tiny_int8["int8"].details == Recipe(io="int8").to_json() | tiny_refined.to_json()


def test_the_input_spans_the_calibration_pictures(
    tiny_int8: dict[str, Artifact], tiny_calibration: Calibration
) -> None:
    (found,) = read_structure(tiny_int8["int8"].path).inputs
    seen = tiny_calibration.batch(32)
    assert found.scale is not None
    assert found.scale == pytest.approx((seen.max() - seen.min()) / 255, rel=1e-5)
    assert found.zero_point == pytest.approx(-128 - seen.min() / found.scale, abs=0.51)


def test_a_moving_average_spans_less(
    tiny_float: Artifact, tiny_graph: Network, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    def last_step(ranges: str) -> float:
        out, recipe = tmp_path / f"{ranges}.tflite", Recipe(ranges=ranges)
        file = quantize(tiny_float, unrefined(tiny_graph), tiny_calibration, recipe, out)
        return read_structure(file.path).output_step or 0

    assert 0 < last_step("mean-min-max") < 0.9 * last_step("min-max")


def test_the_same_pictures_give_the_same_bytes(
    tiny_float: Artifact,
    tiny_refined: Refined,
    tiny_calibration: Calibration,
    tiny_int8: dict[str, Artifact],
    tmp_path: Path,
) -> None:
    out = tmp_path / "again.tflite"
    again = quantize(tiny_float, tiny_refined, tiny_calibration, Recipe(io="int8"), out)
    assert again.path.read_bytes() == tiny_int8["int8"].path.read_bytes()
    assert [*tmp_path.iterdir()] == [out]


def scales_of_weights(file: Artifact) -> dict[str, int]:
    """The number of scales of each layer's weight, by the name of its output."""
    model = unpack(file.path.read_bytes())
    tensors = model.subgraphs[0].tensors
    return {
        tensors[operator.outputs[0]].name.decode(): len(tensors[operator.inputs[1]].quantization.scale)
        for operator in model.subgraphs[0].operators
        if len(operator.inputs) == 3
    }


def test_weights_have_one_scale_per_channel_or_per_tensor(
    tiny_float: Artifact,
    tiny_graph: Network,
    tiny_calibration: Calibration,
    tiny_int8: dict[str, Artifact],
    tmp_path: Path,
) -> None:
    out, recipe = tmp_path / "tensor.tflite", Recipe(per_channel=False)
    file = quantize(tiny_float, unrefined(tiny_graph), tiny_calibration, recipe, out)
    assert read_structure(file.path).precision == "w8a8"
    assert [*scales_of_weights(file).values()] == 12 * [1]
    assert sorted(set(scales_of_weights(tiny_int8["float32"]).values())) == [6, 8, 16, 32]


@pytest.mark.parametrize("io", IOS)
def test_chosen_layers_stay_in_float(
    tiny_float: Artifact, tiny_refined: Refined, tiny_calibration: Calibration, tmp_path: Path, io: str
) -> None:
    chosen = ("0", "4.layers.3", "12")  # the first, a depthwise and the last layer
    recipe = Recipe(io=io, float_layers=chosen)
    file = quantize(tiny_float, tiny_refined, tiny_calibration, recipe, tmp_path / "mixed.tflite")
    model = unpack(file.path.read_bytes())
    in_float = {layer.name for layer in layers(tiny_refined.network) if layer.name in chosen}
    assert operators(model, layers(tiny_refined.network)).keys() == in_float == {*chosen}
    found = read_structure(file.path)
    assert (found.float_layers, found.islands) == (3, {})
    assert [end.dtype for end in (*found.inputs, *found.outputs)] == [io, io]
    assert (file.precision, file.details["float_layers"]) == ("w8a8-mixed", chosen)


def test_float_layers_are_matched_by_their_exact_names(
    tiny_float: Artifact, tiny_refined: Refined, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    for name in ("nothing", "4.layers", "4.layers..", "4xlayers.3", ".*"):
        recipe = Recipe(float_layers=("12", name))
        with pytest.raises(EdgewiseError, match=r"cannot stay in float: .* its 12 layers are 0, 3"):
            quantize(tiny_float, tiny_refined, tiny_calibration, recipe, tmp_path / "mixed.tflite")
    assert not [*tmp_path.iterdir()]


def test_networks_with_equal_layers_are_converted_again(
    tiny_spec: ModelSpec, tiny_calibration: Calibration, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    first, second = nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3)
    second.load_state_dict(first.state_dict())
    stem = nn.Conv2d(3, 8, 3, stride=2)
    twins = nn.Sequential(stem, nn.ReLU(), first, nn.ReLU(), second, nn.Flatten(), nn.Linear(968, 6))
    graph = trace(twins, 32)
    exact = export(graph, tiny_spec, tmp_path / "float.tflite")
    refined = refine(graph, tiny_calibration, Recipe())
    assert not patch(unpack(exact.path.read_bytes()), graph, refined.network)
    found = quantize(exact, refined, tiny_calibration, Recipe(), tmp_path / "int8.tflite")
    read_structure(found.path).require("w8a8")
    assert compared(exact, found, tiny_pictures).sqnr_db > 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["float.tflite", "int8.tflite"]


class Tokens(nn.Module):
    """As in vision transformers: a class token next to those of the picture, a linear layer without bias."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 8, 8)
        self.gate = nn.Hardswish()
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.mix = nn.Linear(16, 16, bias=False)
        self.head = nn.Linear(16, 6)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.gate(self.stem(x)).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(x.shape[0], -1, -1), tokens], 1)
        y: Tensor = self.head(self.mix(tokens).mean(1))
        return y


def test_rewritten_networks_and_constants_among_activations_become_int8(
    tiny_spec: ModelSpec, tiny_calibration: Calibration, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    graph = trace(Tokens().eval(), 32)
    exact = export(graph, tiny_spec, tmp_path / "float.tflite")
    assert "HARD_SWISH" in {operator.type for operator in read_structure(exact.path).operators}
    refined = refine(graph, tiny_calibration, Recipe())
    assert refined.rewrites == 1
    file = quantize(exact, refined, tiny_calibration, Recipe(), tmp_path / "int8.tflite")
    found = read_structure(file.path)
    assert (found.precision, found.islands) == ("w8a8", {})
    assert "HARD_SWISH" not in {operator.type for operator in found.operators}
    assert compared(exact, file, tiny_pictures).sqnr_db > 15


def test_float16_halves_the_weights(tiny_float: Artifact, tiny_pictures: Tensor32, tmp_path: Path) -> None:
    file = halve(tiny_float, tmp_path / "half.tflite")
    found, weights = read_structure(file.path), read_structure(tiny_float.path).weights["float32"]
    assert (file.precision, file.io, found.precision) == ("fp16", "float32", "fp16")
    assert found.weights["float16"] > 0.9 * weights  # all except biases
    assert (found.partitions, found.whole) == (1, True)
    assert 50 < compared(tiny_float, file, tiny_pictures).sqnr_db < 100


def test_weights_only_quantization_covers_all_weights(
    tiny_float: Artifact,
    tiny_graph: Network,
    tiny_light: Refined,
    tiny_calibration: Calibration,
    tiny_pictures: Tensor32,
    tmp_path: Path,
) -> None:
    out = tmp_path / "weights.tflite"
    file = quantize(tiny_float, tiny_light, tiny_calibration, Recipe().weights_alone(), out)
    found = read_structure(file.path)
    assert (file.precision, file.io, found.precision) == ("w8a32", "float32", "w8a32")
    expected = sum(len(layer.weight) // 4 for layer in layers(tiny_graph))
    assert found.weights["int8"] == expected
    assert found.float_layers == 12
    assert (found.partitions, found.whole) == (1, True)  # XNNPACK runs depthwise convolutions too
    assert 18 < compared(tiny_float, file, tiny_pictures).sqnr_db < 50


def test_weights_beyond_float16_are_refused(
    tiny_float: Artifact, tiny_graph: Network, tmp_path: Path
) -> None:
    large = copy.deepcopy(tiny_graph)
    node = next(node for node in large.graph.find_nodes(op="get_attr") if node.target == "12.weight")
    parameter(large, node).data.mul_(1e6)
    model = unpack(tiny_float.path.read_bytes())
    assert patch(model, tiny_graph, large)
    (tmp_path / "large.tflite").write_bytes(pack(model))
    with pytest.raises(EdgewiseError, match="tiny has weights beyond 65504"):
        halve(replace(tiny_float, path=tmp_path / "large.tflite"), tmp_path / "half.tflite")
    assert not (tmp_path / "half.tflite").exists()


def test_a_file_without_refined_weights_is_quantized_unchanged(
    tiny_float: Artifact,
    tiny_graph: Network,
    tiny_calibration: Calibration,
    tiny_pictures: Tensor32,
    tmp_path: Path,
) -> None:
    file = quantize(tiny_float, None, tiny_calibration, Recipe(), tmp_path / "alone.tflite")
    same = quantize(tiny_float, unrefined(tiny_graph), tiny_calibration, Recipe(), tmp_path / "same.tflite")
    answers, expected = (TfliteSession(one.path, 1)(tiny_pictures) for one in (file, same))
    np.testing.assert_array_equal(answers, expected)
    assert (file.details["equalize"], file.details["correct"]) == (False, False)
    # Float layers are identified by their outputs, which have the modules' names in this file.
    recipe = Recipe(float_layers=("4.layers.3",))
    mixed = quantize(tiny_float, None, tiny_calibration, recipe, tmp_path / "mixed.tflite")
    assert read_structure(mixed.path).float_layers == 1
