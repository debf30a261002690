"""The ONNX graph that two targets start from, really converted."""

from collections import Counter

import numpy as np
import pytest
import torch
from onnx import ModelProto
from onnxruntime import InferenceSession
from torch import Tensor, nn

from edgewise.export.graph import Network, trace
from edgewise.export.onnx.graph import INPUT, onnx_graph
from edgewise.models.errors import EdgewiseError


def operators(model: ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def assert_alike(network: nn.Module, model: ModelProto) -> None:
    pictures = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {INPUT: pictures.numpy()})
    with torch.no_grad():
        assert np.allclose(found, network(pictures).numpy(), atol=1e-5)


def test_initializers_are_named_after_their_parameters(tiny_graph: Network) -> None:
    tensors = {tensor.name: tensor for tensor in onnx_graph(tiny_graph, 32).graph.initializer}
    assert tuple(tensors["12.weight"].dims) == (6, 32)
    assert tuple(tensors["5.layers.3.weight"].dims) == (16, 1, 3, 3)


def test_nothing_superfluous_is_left(tiny_graph: Network) -> None:
    model = onnx_graph(tiny_graph, 32)
    graph = model.graph
    assert operators(model).keys() == {"Conv", "Clip", "Add", "GlobalAveragePool", "Reshape", "Gemm"}
    read = {name for node in graph.node for name in node.input}
    assert {tensor.name for tensor in graph.initializer} < read
    assert not graph.value_info
    assert not any(node.metadata_props or node.doc_string for node in graph.node)
    assert __file__.encode() not in model.SerializeToString()


def test_older_engines_can_read_it(tiny_graph: Network) -> None:
    model = onnx_graph(tiny_graph, 32)
    assert model.ir_version == 9
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 20)]


def test_the_batch_size_is_dynamic(tiny_graph: Network) -> None:
    model = onnx_graph(tiny_graph, 32)
    (source,), (target,) = model.graph.input, model.graph.output
    assert [dim.dim_value for dim in source.type.tensor_type.shape.dim] == [0, 3, 32, 32]
    assert [dim.dim_value for dim in target.type.tensor_type.shape.dim] == [0, 6]
    assert_alike(tiny_graph, model)


def test_a_network_is_converted_once(tiny_graph: Network) -> None:
    assert onnx_graph(tiny_graph, 32) is onnx_graph(tiny_graph, 32)


def test_means_over_height_and_width_become_pools() -> None:
    class Means(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            gated = x * x.mean((2, 3), keepdim=True) + x.mean(1, keepdim=True) + x.mean((1, 2), keepdim=True)
            return gated.mean((-1, -2)) + x.mean(2).mean(2)

    network = Means()
    model = onnx_graph(trace(network, 32), 32)
    found = operators(model)
    assert (found["GlobalAveragePool"], found["Flatten"], found["ReduceMean"]) == (2, 1, 4)
    assert_alike(network, model)


def test_an_operator_without_onnx_form_is_refused() -> None:
    class Spectrum(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            values: Tensor = torch.linalg.svdvals(x.mean(1))
            return values

    with pytest.raises(EdgewiseError, match="the network has no ONNX form") as error:
        onnx_graph(trace(Spectrum(), 32), 32)
    assert "\n" not in str(error.value)
