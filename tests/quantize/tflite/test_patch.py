"""Patched files: the refined network without a second conversion."""

import copy
from pathlib import Path

import pytest

from edgewise.export.artifact import Artifact
from edgewise.export.graph import Network, parameter
from edgewise.export.tflite.flatbuffer import pack, unpack
from edgewise.export.tflite.layers import layers, operators
from edgewise.models.spec import Tensor32
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
    path = tmp_path / "patched.tflite"
    path.write_bytes(pack(model))
    answer = TfliteSession(path, 1)(tiny_pictures)
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
    (bias,) = (node for node in without.graph.find_nodes(op="get_attr") if node.target == "12.bias")
    parameter(without, bias).data.zero_()
    model = unpack(bare)
    assert patch(model, without, without)
    assert pack(model) == pack(unpack(bare))
