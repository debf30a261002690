"""The structure of OpenVINO files, from edgewise and from others."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from torch import nn

from edgewise.export.artifact import Artifact
from edgewise.export.engines import importing
from edgewise.export.openvino.exporter import export
from edgewise.models.spec import ModelSpec
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.openvino.quantizer import halve, quantize
from edgewise.quantize.recipe import Recipe
from edgewise.runtime.openvino.session import read_structure
from edgewise.runtime.structure import Operator, Structure, Tensor

if TYPE_CHECKING:
    from edgewise.export.graph import Network
    from edgewise.quantize.refine import Refined

with importing("Testing", "openvino"):
    import openvino as ov
    from openvino import opset8

PRECISIONS = ("fp32", "fp16", "w8a32", "w8a8", "w8a8-mixed")


@pytest.fixture(scope="module")
def files(
    tiny_graph: "Network",
    tiny_spec: ModelSpec,
    tiny_refined: "Refined",
    tiny_light: "Refined",
    tiny_calibration: Calibration,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Artifact]:
    """One file of each precision."""
    folder = tmp_path_factory.mktemp("files")
    made = {"fp32": export(tiny_graph, tiny_spec, folder / "fp32.xml")}
    made["fp16"] = halve(made["fp32"], folder / "fp16.xml")
    for recipe in (Recipe(), Recipe(float_layers=("0",)), Recipe().weights_alone()):
        path, refined = folder / f"{recipe.precision}.xml", tiny_refined if recipe.activations else tiny_light
        made[recipe.precision] = quantize(made["fp32"], refined, tiny_calibration, recipe, path)
    return made


@pytest.fixture(scope="module")
def found(files: dict[str, Artifact]) -> dict[str, Structure]:
    """The structure of each of them."""
    return {precision: read_structure(made.path) for precision, made in files.items()}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_file_has_its_precision(
    found: dict[str, Structure], files: dict[str, Artifact], precision: str
) -> None:
    found[precision].require(precision)
    layers = sum(operator.count for operator in found[precision].operators if operator.layer)
    assert layers == 12
    assert found[precision].float_layers == {"w8a8": 0, "w8a8-mixed": 1}.get(precision, 12)
    sizes = [path.stat().st_size for path in files[precision].files.values()]
    assert found[precision].size_bytes == sum(sizes)


def test_stored_values_are_counted_by_type(found: dict[str, Structure], tiny_network: nn.Module) -> None:
    layers = [layer for layer in tiny_network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    weights = sum(layer.weight.numel() for layer in layers)
    biases = sum(len(layer.weight) for layer in layers)
    assert found["fp32"].weights["float32"] == weights + biases
    assert found["fp16"].weights["float16"] == weights + biases
    assert found["w8a32"].weights["int8"] == weights
    assert found["w8a32"].weights["float32"] == 2 * biases  # plus one scale per output channel


@pytest.mark.parametrize("precision", PRECISIONS)
def test_inputs_and_outputs_are_those_of_the_file(found: dict[str, Structure], precision: str) -> None:
    assert found[precision].inputs == (Tensor("input", "float32", (-1, 3, 32, 32)),)
    assert found[precision].outputs == (Tensor("logits", "float32", (-1, 6)),)
    assert found[precision].output_step is None
    assert (found[precision].partitions, found[precision].whole) == (None, None)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_macs_are_those_of_the_network(found: dict[str, Structure], precision: str) -> None:
    pixels = 16 * 16
    stem, blocks, last = 27 * 8, 3 * (2 * 8 * 16 + 9 * 16), 8 * 32
    assert found[precision].macs == pixels * (stem + blocks + last) + 32 * 6


def test_casts_and_integers_are_distinguished(found: dict[str, Structure]) -> None:
    operators = found["w8a8"].operators
    assert Operator("FakeQuantize", "cast", layer=False, count=1) in operators
    assert Operator("Convolution", "int8", layer=True, count=11) in operators
    assert found["w8a8"].islands == {}
    assert {operator.arithmetic for operator in found["fp32"].operators} == {"float32", "cast"}


def test_metadata_is_flat(found: dict[str, Structure]) -> None:
    metadata = found["w8a8"].metadata
    assert metadata["model_info.labels"] == "ant bee cat dog elk fox"
    assert metadata["edgewise.name"] == "tiny"
    assert all(isinstance(value, str) for value in metadata.values())


def test_an_integer_output_has_a_step(tmp_path: Path) -> None:
    source = opset8.parameter([-1, 3, 4, 4], np.float32, name="x")
    mean = opset8.reduce_mean(source, np.array([2, 3]), keep_dims=False)
    low, high = np.float32(-1), np.float32(4.1)
    rounded = opset8.fake_quantize(mean, low, high, low, high, 256)
    ov.save_model(ov.Model([rounded], [source]), tmp_path / "step.xml")
    assert read_structure(tmp_path / "step.xml").output_step == pytest.approx(5.1 / 255)


def test_a_foreign_model_is_read(tmp_path: Path) -> None:
    """Two inputs, one of dynamic size, a product of activations, and no weights."""
    first = opset8.parameter([2, 4, 3], np.float32, name="first")
    second = opset8.parameter([2, 4, -1], np.float32, name="second")
    product = opset8.matmul(first, second, transpose_a=True, transpose_b=False)
    ov.save_model(ov.Model([product], [first, second]), tmp_path / "free.xml")
    free = read_structure(tmp_path / "free.xml")
    assert (free.macs, free.weights) == (None, {})
    assert [end.shape for end in (*free.inputs, *free.outputs)] == [(2, 4, 3), (2, 4, -1), (2, 3, -1)]
    assert not any(operator.layer for operator in free.operators)
    model = ov.Model([product], [first, second])
    model.reshape({1: ov.PartialShape([2, 4, 5])})
    ov.save_model(model, tmp_path / "fixed.xml")
    assert read_structure(tmp_path / "fixed.xml").macs == 2 * 3 * 5 * 4
