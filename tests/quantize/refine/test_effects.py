"""What changes of an activation do to the logits, compared with changing it."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.fx import Interpreter

from edgewise.export.graph import Network, Node, trace
from edgewise.quantize.refine.effects import effects

SIZE, DRAWS = 8, 600


class Net(nn.Module):
    """An activation in place, a sum, and an output that the logits do not depend on."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).relu_()
        x = x + self.second(x)
        return self.last(x.mean((2, 3))) + 0 * x.sum().round()  # type: ignore[no-any-return]


class Changed(Interpreter):
    """Shrinks the output of one node, and notes its bounds before."""

    def __init__(self, graph: Network, node: Node, share: float) -> None:
        super().__init__(graph)
        self.node, self.share, self.bounds = node, share, (0.0, 0.0)

    def run_node(self, n: Node) -> Any:
        value = super().run_node(n)
        if n is not self.node:
            return value
        self.bounds = value.min().item(), value.max().item()
        return value * (1 - self.share)


@pytest.mark.parametrize("name", ["x", "conv2d", "relu_", "conv2d_1", "add"])
def test_the_squared_change_of_the_logits_is_predicted(name: str) -> None:
    graph, share = trace(Net(), SIZE), 1e-3
    node = next(node for node in graph.graph.nodes if node.name == name)
    x = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain, changed = Changed(graph, node, 0), Changed(graph, node, share)
        before, after = plain.run(x.clone()), changed.run(x.clone())
        relative = (after - before).norm() / (before - before.mean()).norm()
    effect = effects(graph, x.repeat(DRAWS, 1, 1, 1), {node: plain.bounds})[node]
    predicted = (effect.gradients @ (share * effect.values)).square().mean().item()
    assert predicted == pytest.approx(relative.square().item(), rel=0.25)
    assert effect.squares > 0


def test_activations_that_cannot_matter_are_left_out() -> None:
    graph = trace(Net(), SIZE)
    nodes = {node.name: node for node in graph.graph.nodes}
    bounds = {nodes["round_1"]: (-99.0, 99.0), nodes["relu_"]: (0.0, 0.0), nodes["add"]: (-8.0, 8.0)}
    assert effects(graph, torch.rand(2, 3, SIZE, SIZE), bounds).keys() == {nodes["add"]}
