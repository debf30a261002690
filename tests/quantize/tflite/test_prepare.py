"""Networks of which the library alone makes wrong INT8 files: padded max-pools, dead channels, scales."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ai_edge_litert.schema_py_generated import ModelT, OperatorT
from ai_edge_litert.tools.flatbuffer_utils import opcode_to_name
from numpy.typing import NDArray
from torch import nn
from torchvision.models.convnext import CNBlock

from edgewise.export.artifact import Artifact
from edgewise.export.graph import Network, trace
from edgewise.export.tflite.exporter import export
from edgewise.export.tflite.flatbuffer import pack, unpack
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined
from edgewise.quantize.tflite.calibrate import calibrated
from edgewise.quantize.tflite.plans import full_integer
from edgewise.quantize.tflite.prepare import Ranges, prepare
from edgewise.quantize.tflite.quantizer import _run, quantize
from edgewise.runtime.judge.stats import agreement
from edgewise.runtime.tflite.session import TfliteSession


@pytest.fixture(scope="module")
def graph() -> Network:
    """One max-pool on values below zero, one after a ReLU, and a channel with almost zero weights."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1),
        nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        nn.Flatten(),
        nn.Linear(128, 6),
    )
    with torch.no_grad():
        network.get_parameter("0.bias").sub_(5)  # zero padding would win every maximum at the border
        network.get_parameter("2.weight")[3].mul_(1e-12)
        network.get_parameter("2.bias")[3] = 2
    return trace(network, 32)


@pytest.fixture(scope="module")
def exact(graph: Network, tiny_spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return export(graph, tiny_spec, tmp_path_factory.mktemp("pools") / "float.tflite")


@pytest.fixture(scope="module")
def ranges(exact: Artifact, tiny_calibration: Calibration) -> Ranges:
    model = unpack(exact.path.read_bytes())
    return calibrated(model, full_integer(Recipe(), ()), None, tiny_calibration, "min-max")


@pytest.fixture(scope="module")
def int8(exact: Artifact, graph: Network, tiny_calibration: Calibration) -> Artifact:
    as_it_is = Refined(graph, graph, 0, 0, 0)
    return quantize(exact, as_it_is, tiny_calibration, Recipe(), exact.path.with_name("int8.tflite"))


def found(model: ModelT, kind: str) -> list[OperatorT]:
    return [op for op in model.subgraphs[0].operators if opcode_to_name(model, op.opcodeIndex) == kind]


def constant(model: ModelT, index: int, kind: type[np.generic] = np.float32) -> NDArray[Any]:
    return np.frombuffer(bytes(model.buffers[model.subgraphs[0].tensors[index].buffer].data), kind)


def test_padding_becomes_the_lowest_value_of_the_padded_tensor(exact: Artifact, ranges: Ranges) -> None:
    before = unpack(exact.path.read_bytes())
    assert [constant(before, pad.inputs[2]).item() for pad in found(before, "PADV2")] == [-np.inf, -np.inf]
    model = unpack(exact.path.read_bytes())
    known = prepare(model, ranges)
    below, behind_relu = found(model, "PADV2")
    assert constant(model, below.inputs[2]).item() == ranges["0"]["min"].item() < -5
    assert constant(model, behind_relu.inputs[2]).item() == 0
    names = [model.subgraphs[0].tensors[pad.outputs[0]].name.decode() for pad in (below, behind_relu)]
    assert [known[name] for name in names] == [ranges["0"], ranges["2"]]


def test_the_float_output_is_unchanged(
    exact: Artifact, ranges: Ranges, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    path = tmp_path / "prepared.tflite"
    model = unpack(exact.path.read_bytes())
    prepare(model, ranges)
    path.write_bytes(pack(model))
    pictures = tiny_calibration.batch(32)
    answers = (TfliteSession(file, 1)(pictures) for file in (exact.path, path))
    assert agreement(*answers).sqnr_db > 90


def test_no_int8_value_is_below_the_padding(int8: Artifact) -> None:
    model = unpack(int8.path.read_bytes())
    pads = found(model, "PADV2")
    assert [constant(model, pad.inputs[2], np.int8).item() for pad in pads] == [-128, -128]
    for pad in pads:
        source, padding = (model.subgraphs[0].tensors[index].quantization for index in pad.inputs[::2])
        assert (source.scale, source.zeroPoint) == (padding.scale, padding.zeroPoint)


def test_the_int8_file_agrees_with_the_float_file(
    exact: Artifact, int8: Artifact, tiny_pictures: Tensor32
) -> None:
    answers = (TfliteSession(file.path, 1)(tiny_pictures) for file in (exact, int8))
    assert agreement(*answers).sqnr_db > 25


def biases(model: ModelT) -> NDArray[np.float64]:
    """The biases of the second convolution in an INT8 file, as real numbers."""
    index = found(model, "CONV_2D")[1].inputs[2]
    scale = model.subgraphs[0].tensors[index].quantization.scale
    return np.asarray(constant(model, index, np.int32) * np.float64(scale))


def test_a_dead_channel_keeps_its_bias(exact: Artifact, int8: Artifact, ranges: Ranges) -> None:
    before = unpack(exact.path.read_bytes())
    weight, bias = found(before, "CONV_2D")[1].inputs[1:]
    expected = constant(before, bias)
    np.testing.assert_allclose(biases(unpack(int8.path.read_bytes())), expected, atol=1e-3)
    model = unpack(exact.path.read_bytes())
    known = prepare(model, copy.deepcopy(ranges))
    buffer = model.buffers[model.subgraphs[0].tensors[weight].buffer]
    after = np.frombuffer(buffer.data, np.float32)
    assert 0 < np.abs(after - constant(before, weight)).max() < 1e-4
    buffer.data = np.frombuffer(constant(before, weight).tobytes(), np.uint8)  # as before `prepare`
    with pytest.warns(RuntimeWarning, match="invalid value encountered in cast"):
        alone = _run(pack(model), full_integer(Recipe(), ()), known)
    assert abs(biases(unpack(alone))[3] - expected[3]) > 1.9


def test_a_scaled_linear_layer_keeps_its_bias(
    tiny_spec: ModelSpec, tiny_calibration: Calibration, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    """ConvNeXt's block: LiteRT cannot open the file that the library alone makes of it."""
    torch.manual_seed(0)
    block = CNBlock(8, layer_scale=0.5, stochastic_depth_prob=0.0)
    with torch.no_grad():
        block.get_parameter("block.5.bias").uniform_(0.5, 1)
        block.get_parameter("layer_scale").uniform_(0.5, 1)
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 6)
    graph = trace(nn.Sequential(nn.Conv2d(3, 8, 4, 4), block, *head), 32)
    exact = export(graph, tiny_spec, tmp_path / "float.tflite")
    model = unpack(exact.path.read_bytes())
    biases = [model.subgraphs[0].tensors[layer.inputs[2]] for layer in found(model, "FULLY_CONNECTED")]
    assert {len(bias.shape) for bias in biases} == {1, 4}
    as_it_is = Refined(graph, graph, 0, 0, 0)
    int8 = quantize(exact, as_it_is, tiny_calibration, Recipe(), tmp_path / "int8.tflite")
    answers = (TfliteSession(file.path, 1)(tiny_pictures) for file in (exact, int8))
    assert agreement(*answers).sqnr_db > 20


def test_other_files_are_not_changed(tiny_float: Artifact, tiny_calibration: Calibration) -> None:
    model = unpack(tiny_float.path.read_bytes())
    before = pack(model)
    ranges = calibrated(model, full_integer(Recipe(), ()), None, tiny_calibration, "min-max")
    assert prepare(model, ranges) == ranges
    assert pack(model) == before
