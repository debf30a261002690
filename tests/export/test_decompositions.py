"""Operators that converters lack: what replaces them computes the same, bit for bit or nearly."""

import math
from collections.abc import Callable

import pytest
import torch
from timm.models.vision_transformer_relpos import VisionTransformerRelPos
from torch import Tensor, nn
from torch.nn import functional

from edgewise.export.graph import trace
from edgewise.export.onnx.graph import onnx_graph


class Apply(nn.Module):
    """A network of one operator."""

    def __init__(self, operator: nn.Module) -> None:
        super().__init__()
        self.operator = operator

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.operator(x)
        return result.flatten(1)


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, call: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(x)


def _attend(x: Tensor) -> Tensor:
    return functional.scaled_dot_product_attention(x, x.sin(), x.cos())


@pytest.mark.parametrize(
    ("operator", "gone"),
    [
        (nn.AdaptiveMaxPool2d(1), "adaptive_max_pool2d"),
        (nn.AdaptiveMaxPool2d((4, 8)), "adaptive_max_pool2d"),
        (nn.AdaptiveMaxPool2d((5, 7)), "adaptive_max_pool2d"),
        (nn.AdaptiveMaxPool2d((16, 24)), "adaptive_max_pool2d"),
        (nn.Conv2d(3, 4, 5, padding=2, padding_mode="circular"), "pad"),
        (Function(lambda x: functional.pad(x, (3, 0, 1, 2), mode="circular")), "pad"),
        (
            Function(lambda x: functional.max_pool2d(functional.pad(x, (0, 1, 2, 1), value=-math.inf), 3, 2)),
            "pad",
        ),
        (Function(lambda x: _attend(x)[:, 0]), ""),
        (Function(lambda x: _attend(x[:, :, None])), ""),
        (Function(lambda x: _attend(x[:, 0])), ""),
        (nn.ConvTranspose2d(3, 4, 3, 2, padding=1, output_padding=1), "output padding"),
        (nn.ConvTranspose2d(3, 6, 5, (2, 3), padding=(2, 1), output_padding=(0, 1), groups=3), ""),
        (nn.ConvTranspose2d(3, 4, 3, 2, padding=1, bias=False, output_padding=1), ""),
        (nn.AvgPool2d(3, 2, 1, count_include_pad=False), ""),
        (nn.LocalResponseNorm(2), "avg_pool3d"),
        (Function(lambda x: functional.normalize(x, dim=1)), "expand_as"),
        (Function(lambda x: functional.interpolate(x, (9, 40), mode="bilinear", antialias=True)), "aa"),
        (Function(lambda x: functional.interpolate(x, (9, 9), mode="bicubic", antialias=True)), "aa"),
        (nn.RReLU(0.1, 0.5), "rrelu"),
    ],
)
def test_what_replaces_an_operator_computes_the_same(operator: nn.Module, gone: str) -> None:
    torch.manual_seed(0)
    network = Apply(operator).eval()
    graph = trace(network, 32)
    pictures = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(graph(pictures), network(pictures), rtol=1e-5, atol=1e-6)
    names = [str(node.target) for node in graph.graph.nodes]
    assert not gone or not any(name.startswith("aten.") and gone in name for name in names)
    padded = [node for node in graph.graph.nodes if "conv_transpose2d" in str(node.target)]
    assert all(node.args[5] == [0, 0] for node in padded if len(node.args) > 5)


def test_operators_that_every_converter_has_are_left_alone() -> None:
    for operator in (
        nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
        nn.ConvTranspose2d(3, 4, 2, 2),
        nn.AdaptiveAvgPool2d(3),
    ):
        names = [str(node.target) for node in trace(Apply(operator), 32).graph.nodes]
        assert not any("slice" in name or "cat" in name for name in names)


def test_a_view_of_transposed_values_gets_a_copy() -> None:
    """PyTorch's ONNX exporter gives attention other strides than the capture, which only a copy survives."""
    network = VisionTransformerRelPos(
        img_size=32, patch_size=8, embed_dim=48, depth=1, num_heads=3, num_classes=6
    ).eval()
    graph = trace(network, 32)
    assert onnx_graph(graph, 32).graph.node
    pictures = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(graph(pictures), network(pictures), rtol=1e-4, atol=1e-5)
