"""The choice of the INT8 form for networks with and without operators that INT8 lacks."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from edgewise.export.graph import trace
from edgewise.quantize.forms import without_int8

if TYPE_CHECKING:
    from torch.fx import GraphModule


def test_a_convolutional_network_takes_static_int8_everywhere(tiny_graph: "GraphModule") -> None:
    assert [without_int8(tiny_graph, target) for target in ("tflite", "onnx", "openvino")] == [[], [], []]


def test_a_transformer_does_except_on_tflite() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 8), nn.GELU(), nn.Linear(8, 4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            answer: torch.Tensor = self.layers(x.flatten(2).mT).mean(1)
            return answer

    graph = trace(Block(), 8)
    assert without_int8(graph, "tflite") == ["layer_norm", "gelu"]
    assert without_int8(graph, "onnx") == without_int8(graph, "openvino") == []
