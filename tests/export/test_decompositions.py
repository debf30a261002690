"""Operators that converters lack: what replaces them computes the same, bit for bit or nearly."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgewise.export.graph import trace


class Apply(nn.Module):
    """A network of one operator."""

    def __init__(self, operator: nn.Module) -> None:
        super().__init__()
        self.operator = operator

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.operator(x)
        return result.flatten(1)


class Wrapped(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, (3, 0, 1, 2), mode="circular")


@pytest.mark.parametrize(
    ("operator", "gone"),
    [
        (nn.AdaptiveMaxPool2d(1), "adaptive_max_pool2d"),
        (nn.AdaptiveMaxPool2d((4, 8)), "adaptive_max_pool2d"),
        (nn.AdaptiveMaxPool2d((5, 7)), "adaptive_max_pool2d"),
        (nn.AdaptiveMaxPool2d((16, 24)), "adaptive_max_pool2d"),
        (nn.Conv2d(3, 4, 5, padding=2, padding_mode="circular"), "pad"),
        (Wrapped(), "pad"),
        (nn.ConvTranspose2d(3, 4, 3, 2, padding=1, output_padding=1), "output padding"),
        (nn.ConvTranspose2d(3, 6, 5, (2, 3), padding=(2, 1), output_padding=(0, 1), groups=3), ""),
        (nn.ConvTranspose2d(3, 4, 3, 2, padding=1, bias=False, output_padding=1), ""),
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
    assert not gone or f"aten.{gone}.default" not in names
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
