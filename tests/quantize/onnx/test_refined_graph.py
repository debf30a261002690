"""The refined network as ONNX, patched or converted: it must compute the same as the network."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgewise.export.graph import Network, trace
from edgewise.export.onnx import graph as _onnx_graph
from edgewise.export.onnx.graph import onnx_graph
from edgewise.export.openvino.exporter import read, save
from edgewise.models.spec import Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.onnx.refined_graph import refined_graphs
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined, refine
from edgewise.runtime.openvino.session import open_session
from edgewise.runtime.reference import TorchSession


def difference(refined: Refined, pictures: Tensor32, path: Path) -> float:
    answers = open_session(save(read(next(refined_graphs(refined, 32)), refined.network), path), 1)(pictures)
    expected = TorchSession(refined.network)(pictures)
    return float(np.abs(answers - expected).max() / np.abs(expected).max())


def test_it_computes_the_same_as_the_refined_network(
    tiny_refined: Refined, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    assert difference(tiny_refined, tiny_pictures, tmp_path / "refined.xml") < 1e-5


def test_nothing_is_converted_a_second_time(
    tiny_refined: Refined, tiny_graph: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = onnx_graph(tiny_graph, 32)
    before = original.SerializeToString()
    monkeypatch.setattr(_onnx_graph, "_converted", {tiny_graph: original})
    patched = next(refined_graphs(tiny_refined, 32))
    assert list(_onnx_graph._converted) == [tiny_graph]
    assert [node.name for node in patched.graph.node] == [node.name for node in original.graph.node]
    assert original.SerializeToString() == before != patched.SerializeToString()


def test_equal_constants_are_converted_again_with_the_original_activations(
    tiny_calibration: Calibration, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    stem, first, second, head = nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3), nn.Linear(8, 6)
    for layer in (stem, first, second):
        nn.init.zeros_(layer.get_parameter("bias"))
    network = nn.Sequential(
        stem, nn.Hardswish(), first, nn.ReLU(), second, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head
    )
    refined = refine(trace(network, 32), tiny_calibration, Recipe())
    assert refined.rewrites == 1
    assert difference(refined, tiny_pictures, tmp_path / "twins.xml") < 1e-5
    assert "HardSwish" in [node.op_type for node in next(refined_graphs(refined, 32)).graph.node]
