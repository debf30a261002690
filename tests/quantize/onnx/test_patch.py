"""Weights patched into a graph, or left alone."""

import copy
from collections.abc import Iterator

import onnx
import torch
from onnx import ModelProto
from onnxruntime import InferenceSession
from torch import Tensor, nn

from edgewise.export.graph import Network, parameter, set_parameter, trace
from edgewise.export.onnx.graph import onnx_graph
from edgewise.quantize.onnx.patch import patch
from edgewise.quantize.refine import Refined


def copy_of(network: Network) -> ModelProto:
    model = ModelProto()
    model.CopyFrom(onnx_graph(network, 32))
    return model


def sorted_tensors(model: ModelProto) -> Iterator[bytes]:
    for tensor in sorted(model.graph.initializer, key=lambda tensor: tensor.name):
        yield onnx.numpy_helper.to_array(tensor).tobytes()


def doubled(network: Network) -> Network:
    """A copy with all parameters doubled."""
    changed = copy.deepcopy(network)
    for node in changed.graph.find_nodes(op="get_attr"):
        set_parameter(changed, node, 2 * parameter(network, node))
    return changed


def test_a_patched_graph_equals_a_second_conversion(tiny_graph: Network, tiny_refined: Refined) -> None:
    model = copy_of(tiny_graph)
    assert patch(model, tiny_graph, tiny_refined.network)
    again = onnx_graph(tiny_refined.network, 32)
    assert list(model.graph.node) == list(again.graph.node)
    assert list(sorted_tensors(model)) == list(sorted_tensors(again))


def test_nothing_is_changed_if_a_parameter_is_folded(tiny_graph: Network) -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(32, 6)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x.mean(1)).mean(1)  # type: ignore[no-any-return]

    graph = trace(Tokens(), 32)
    model = copy_of(graph)  # it contains a MatMul with the transposed weight
    before = model.SerializeToString(deterministic=True)
    assert not patch(model, graph, doubled(graph))
    assert not patch(model, tiny_graph, doubled(tiny_graph))
    assert model.SerializeToString(deterministic=True) == before


def test_nothing_is_changed_if_parameters_share_a_tensor() -> None:
    torch.manual_seed(0)
    twins = nn.Sequential(nn.Conv2d(3, 3, 3, bias=False), nn.ReLU(), nn.Conv2d(3, 3, 3, bias=False))
    twins[2].load_state_dict(twins[0].state_dict())
    graph = trace(nn.Sequential(twins, nn.AdaptiveAvgPool2d(1), nn.Flatten()), 32)
    model = copy_of(graph)
    before = model.SerializeToString(deterministic=True)
    assert not patch(model, graph, doubled(graph))
    assert model.SerializeToString(deterministic=True) == before


def test_biases_of_zeros_are_added_where_the_exporter_left_them_out() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 6)
    )
    for name in ("0.bias", "4.bias"):
        nn.init.zeros_(network.get_parameter(name))
    graph = trace(network, 32)
    model = copy_of(graph)
    assert {tensor.name for tensor in model.graph.initializer} >= {"0.weight", "4.weight"}
    assert not {"0.bias", "4.bias"} & {tensor.name for tensor in model.graph.initializer}
    changed = doubled(graph)
    for node in changed.graph.find_nodes(op="get_attr"):
        if str(node.target).endswith("bias"):
            set_parameter(changed, node, torch.rand_like(parameter(changed, node)))
    assert patch(model, graph, changed)
    onnx.checker.check_model(model, full_check=True)
    pictures = torch.rand(2, 3, 32, 32)
    (found,) = InferenceSession(model.SerializeToString()).run(None, {"input": pictures.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), changed(pictures).detach())


def test_a_parameter_that_stays_the_same_need_not_be_in_the_graph(tiny_graph: Network) -> None:
    model = copy_of(tiny_graph)
    (kept,) = (tensor for tensor in model.graph.initializer if tensor.name == "12.weight")
    kept.name = "elsewhere"
    before = model.SerializeToString(deterministic=True)
    assert patch(model, tiny_graph, copy.deepcopy(tiny_graph))
    assert not patch(model, tiny_graph, doubled(tiny_graph))
    assert model.SerializeToString(deterministic=True) == before
