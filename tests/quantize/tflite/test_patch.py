"""Patched files: the refined network without a second conversion."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.schema_py_generated import ModelT
from torch import Tensor, nn
from torch.nn import functional

from edgewise.export.artifact import Artifact
from edgewise.export.graph import Network, parameter, trace
from edgewise.export.tflite.exporter import export
from edgewise.export.tflite.flatbuffer import pack, unpack
from edgewise.export.tflite.layers import layers, operators
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.quantize.refine import Refined
from edgewise.quantize.tflite.patch import patch
from edgewise.runtime.judge.stats import parity
from edgewise.runtime.reference import TorchSession
from edgewise.runtime.tflite.session import TfliteSession


def test_a_patched_file_computes_the_same_as_the_refined_network(
    tiny_float: Artifact, tiny_refined: Refined, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    model = unpack(tiny_float.path.read_bytes())
    assert patch(model, tiny_refined.original, tiny_refined.network)
    answer = _answer(model, tiny_pictures, tmp_path)
    assert parity(TorchSession(tiny_refined.network)(tiny_pictures), answer).max_rel < 1e-4
    assert parity(TfliteSession(tiny_float.path, 1)(tiny_pictures), answer).max_rel > 1e-3


def test_a_patch_with_the_same_network_changes_nothing(tiny_float: Artifact, tiny_graph: Network) -> None:
    model = unpack(tiny_float.path.read_bytes())
    before = pack(model)
    assert patch(model, tiny_graph, tiny_graph)
    assert pack(model) == before


@pytest.mark.parametrize("layer", ["0.weight", "4.layers.3.weight", "12.weight"])
def test_a_missing_layer_is_not_patched(tiny_float: Artifact, tiny_graph: Network, layer: str) -> None:
    other = copy.deepcopy(tiny_graph)
    (node,) = (node for node in other.graph.find_nodes(op="get_attr") if node.target == layer)
    parameter(other, node).data.mul_(2)
    assert not patch(unpack(tiny_float.path.read_bytes()), other, tiny_graph)


def test_a_shared_constant_is_not_patched(tiny_float: Artifact, tiny_graph: Network) -> None:
    model = unpack(tiny_float.path.read_bytes())
    found = operators(model, layers(tiny_graph))
    found["4.layers.0"].inputs[2] = found["3.layers.0"].inputs[2]  # one bias for both
    assert not patch(model, tiny_graph, tiny_graph)


def test_a_layer_without_bias_keeps_none(tiny_float: Artifact, tiny_graph: Network) -> None:
    model = unpack(tiny_float.path.read_bytes())
    last = operators(model, layers(tiny_graph))["12"]
    last.inputs[2] = -1
    bare = pack(model)
    assert not patch(unpack(bare), tiny_graph, tiny_graph)  # the network has one
    without = copy.deepcopy(tiny_graph)
    _bias(without, "12.bias").zero_()
    model = unpack(bare)
    assert patch(model, without, without)
    assert pack(model) == pack(unpack(bare))


def test_a_bias_of_zeros_that_the_converter_left_out_is_added(
    tiny_spec: ModelSpec, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 6)
    )
    nn.init.zeros_(network.get_parameter("4.bias"))
    graph = trace(network, 32)
    model = unpack(export(graph, tiny_spec, tmp_path / "zeros.tflite").path.read_bytes())
    assert operators(model, layers(graph))["4"].inputs[2] == -1  # or this tests nothing
    changed = copy.deepcopy(graph)
    _bias(changed, "4.bias").add_(torch.arange(6))
    assert patch(model, graph, changed)
    wanted, answer = TorchSession(changed)(tiny_pictures), _answer(model, tiny_pictures, tmp_path)
    assert parity(wanted, answer).max_rel < 1e-4


def _bias(network: Network, name: str) -> Tensor:
    (node,) = network.graph.find_nodes(op="get_attr", target=name)
    return parameter(network, node).data


def _answer(model: ModelT, pictures: Tensor32, folder: Path) -> Tensor32:
    path = folder / "patched.tflite"
    path.write_bytes(pack(model))
    return TfliteSession(path, 1)(pictures)


class Gate(nn.Module):
    """The converter folds the constant that is added to a layer's output into the layer's bias."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.last = nn.Conv2d(3, 8, 3, 2), nn.Linear(8, 6)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu6(self.last(self.stem(x).mean((2, 3))) + 3) / 6


def test_a_number_that_the_converter_added_to_a_bias_stays_in_it(
    tiny_spec: ModelSpec, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    graph = trace(Gate().eval(), 32)
    model = unpack(export(graph, tiny_spec, tmp_path / "gate.tflite").path.read_bytes())
    last = operators(model, layers(graph))["last"]
    stored = np.frombuffer(model.buffers[model.subgraphs[0].tensors[last.inputs[2]].buffer].data, "<f4")
    own = _bias(graph, "last.bias").numpy()
    np.testing.assert_allclose(stored, own + 3, rtol=1e-5)  # or this tests nothing
    changed = copy.deepcopy(graph)
    _bias(changed, "last.bias").add_(torch.arange(6))
    assert patch(model, graph, changed)
    wanted, answer = TorchSession(changed)(tiny_pictures), _answer(model, tiny_pictures, tmp_path)
    assert parity(wanted, answer).max_rel < 1e-4


def test_a_bias_to_which_different_numbers_were_added_is_not_patched(
    tiny_float: Artifact, tiny_graph: Network
) -> None:
    model = unpack(tiny_float.path.read_bytes())
    last = operators(model, layers(tiny_graph))["12"]
    buffer = model.buffers[model.subgraphs[0].tensors[last.inputs[2]].buffer]
    stored = np.frombuffer(buffer.data, "<f4")
    buffer.data = (stored + np.arange(len(stored), dtype="<f4")).view(np.uint8)
    assert not patch(model, tiny_graph, tiny_graph)


def test_layers_that_share_a_bias_of_zeros_get_one_each(
    tiny_spec: ModelSpec, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 6),
    )
    for name in ("0.bias", "2.bias"):
        nn.init.zeros_(network.get_parameter(name))
    graph = trace(network, 32)
    model = unpack(export(graph, tiny_spec, tmp_path / "zeros.tflite").path.read_bytes())
    found = operators(model, layers(graph))
    assert found["0"].inputs[2] == found["2"].inputs[2]  # or this tests nothing
    changed = copy.deepcopy(graph)
    for at, name in enumerate(("0.bias", "2.bias")):
        _bias(changed, name).fill_(at + 1)
    assert patch(model, graph, changed)
    assert found["0"].inputs[2] != found["2"].inputs[2]
    wanted, answer = TorchSession(changed)(tiny_pictures), _answer(model, tiny_pictures, tmp_path)
    assert parity(wanted, answer).max_rel < 1e-4
