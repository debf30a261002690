"""Captured graphs: regions of no_grad and autocast, and operators that behave as in training."""

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from edgewise.models.captured import inline_modes, place, training_operator
from edgewise.models.errors import UsageError

if TYPE_CHECKING:
    from torch.fx import GraphModule


def captured(network: nn.Module) -> "GraphModule":
    program = torch.export.export(network.eval(), (torch.zeros(2, 3, 8, 8),))
    module: Any = program.module(check_guards=False)
    return module  # type: ignore[no-any-return]


def operators(module: "GraphModule") -> list[str]:
    return [str(node.target) for node in module.graph.nodes if node.op == "call_function"]


class Regions(nn.Module):
    """Regions in each other, with two results, and one whose results nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cuda", enabled=False):
            with torch.no_grad():
                x = self.conv(x)
                half = x / 2
            y = (x + half).mean((2, 3))
        with torch.no_grad():
            x.sum()
        with torch.autocast("cpu", enabled=False):
            return self.head(y)  # type: ignore[no-any-return]


def test_regions_are_inlined() -> None:
    torch.manual_seed(0)
    network = Regions()
    module = captured(network)
    assert any("wrap_with" in name for name in operators(module))
    inline_modes(module)
    assert operators(module) == [f"aten.{name}" for name in EXPECTED]
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(module(x), network(x))
    shapes = [tuple(node.meta["val"].shape) for node in module.graph.nodes if node.op == "call_function"]
    assert shapes[0] == (2, 4, 6, 6)


EXPECTED = ("conv2d.default", "div.Tensor", "add.Tensor", "mean.dim", "linear.default")


def test_half_precision_on_the_cpu_is_refused_by_its_line() -> None:
    class Half(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            with torch.autocast("cpu"):
                return torch.matmul(x, x).mean((2, 3))

    with pytest.raises(UsageError, match=r"computes in bfloat16.*, under torch.autocast\('cpu'\); remove it"):
        inline_modes(captured(Half()))


def test_the_place_is_in_the_users_file() -> None:
    class Random(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.dropout(x, 0.5)

    node = training_operator(captured(nn.Sequential(Random())))
    assert node is not None
    assert place(node).startswith(" at line ")
    assert place(node).endswith(" of test_captured.py")
    node.meta.clear()
    assert place(node) == ""


def test_a_batch_norm_of_weights_is_no_training() -> None:
    class Standardized(nn.Conv2d):
        """As timm computes it."""

        def forward(self, x: Tensor) -> Tensor:
            rows = self.weight.reshape(1, self.out_channels, -1)
            weight = nn.functional.batch_norm(rows, None, None, training=True).reshape_as(self.weight)
            return nn.functional.conv2d(x, weight, self.bias)

    assert training_operator(captured(Standardized(3, 4, 3))) is None
    node = training_operator(captured(nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False))))
    assert node is not None


def test_python_operators_and_evaluation_are_no_training() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.AlphaDropout(), nn.RReLU()
    )
    assert training_operator(captured(network)) is None
