"""Layers found in a file by nothing but their weights."""

from dataclasses import replace

from ai_edge_litert.schema_py_generated import BuiltinOperator, ModelT, OperatorT

from edgewise.export.artifact import Artifact
from edgewise.export.graph import Network
from edgewise.export.tflite.flatbuffer import unpack
from edgewise.export.tflite.layers import Layer, layers, name_outputs, operators

NAMES = ["0", *(f"{block}.layers.{place}" for block in (3, 4, 5) for place in (0, 3, 6)), "6", "12"]


def kind(model: ModelT, operator: OperatorT) -> int:
    return int(model.operatorCodes[operator.opcodeIndex].builtinCode)


def test_layers_have_the_names_of_their_modules(tiny_graph: Network) -> None:
    assert [layer.name for layer in layers(tiny_graph)] == NAMES


def test_each_layer_is_found_with_its_bias(tiny_graph: Network, tiny_float: Artifact) -> None:
    model, wanted = unpack(tiny_float.path.read_bytes()), layers(tiny_graph)
    found = operators(model, wanted)
    assert sorted(found) == sorted(NAMES)
    tensors = model.subgraphs[0].tensors
    for layer in wanted:
        data = model.buffers[tensors[found[layer.name].inputs[2]].buffer].data
        assert bytes(data) == layer.bias
    assert kind(model, found["0"]) == BuiltinOperator.CONV_2D
    assert kind(model, found["4.layers.3"]) == BuiltinOperator.DEPTHWISE_CONV_2D
    assert kind(model, found["12"]) == BuiltinOperator.FULLY_CONNECTED


def test_duplicate_and_unknown_layers_are_left_out(tiny_graph: Network, tiny_float: Artifact) -> None:
    model, (first, second, *others) = unpack(tiny_float.path.read_bytes()), layers(tiny_graph)
    wanted = [first, replace(first, name="twin"), Layer("stranger", second.weight[::-1], b""), *others]
    assert sorted(operators(model, wanted)) == sorted(layer.name for layer in others)


def test_a_weight_that_two_operators_read_is_left_out(tiny_graph: Network, tiny_float: Artifact) -> None:
    model, wanted = unpack(tiny_float.path.read_bytes()), layers(tiny_graph)
    found = operators(model, wanted)
    found["4.layers.0"].inputs[1] = found["3.layers.0"].inputs[1]
    assert sorted(operators(model, wanted)) == sorted({*NAMES} - {"3.layers.0", "4.layers.0"})


def test_tensors_are_named_except_the_networks_outputs(tiny_graph: Network, tiny_float: Artifact) -> None:
    model = unpack(tiny_float.path.read_bytes())
    (graph,) = model.subgraphs
    for tensor in graph.tensors:
        tensor.name = b"?"
    name_outputs(model, layers(tiny_graph))
    others = {b"pad_0", b"add_8", b"mean_13"}
    assert {tensor.name for tensor in graph.tensors} == {
        b"?",
        *others,
        *(name.encode() for name in NAMES[:-1]),
    }
    assert graph.tensors[graph.outputs[0]].name == b"?"
