"""Rewrites: the same function with other operators."""

import copy
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgewise.export import tflite
from edgewise.export.graph import Network, trace
from edgewise.models.captured import operator_name
from edgewise.models.spec import ModelSpec
from edgewise.quantize.refine.rewrites import rewrite
from edgewise.runtime.tflite.session import read_structure

HARDSWISH, HARDSIGMOID = ["add", "mul", "mul", "relu6"], ["add", "mul", "relu6"]


def operators(graph: Network) -> list[str]:
    return sorted(operator_name(node) for node in graph.graph.nodes if node.op == "call_function")


def values() -> Tensor:
    return torch.linspace(-8, 8, 2 * 3 * 8 * 8).reshape(2, 3, 8, 8)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (nn.Hardswish(), HARDSWISH),
        (nn.Hardswish(inplace=True), HARDSWISH),
        (nn.Hardsigmoid(), HARDSIGMOID),
        (nn.Hardsigmoid(inplace=True), HARDSIGMOID),
    ],
)
def test_an_activation_becomes_operators_that_int8_supports(
    activation: nn.Module, expected: list[str]
) -> None:
    graph, x = trace(nn.Sequential(nn.Conv2d(3, 3, 1), activation), 8), values()
    before = graph(x)
    assert rewrite(graph) == 1
    assert operators(graph) == sorted([*expected, "conv2d"])
    torch.testing.assert_close(graph(x), before, rtol=0, atol=1e-6)


def test_new_operators_know_the_shape_of_their_values() -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Hardswish(), nn.Hardsigmoid()), 8)
    rewrite(graph)
    nodes = [node for node in graph.graph.nodes if node.op == "call_function"]
    assert len(nodes) == 8
    assert all(tuple(node.meta["val"].shape[1:]) == (4, 6, 6) for node in nodes)


def test_a_rewritten_network_can_be_captured_again() -> None:
    graph, x = trace(nn.Sequential(nn.Hardswish(), nn.Hardsigmoid()), 8), values()
    rewrite(graph)
    program = torch.export.export(graph, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.testing.assert_close(program.module()(x[:1]), graph(x[:1]))


def test_an_in_place_activation_of_a_tensor_with_a_view_is_left_alone() -> None:
    class Reader(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x = x + 1
            view = x.flatten(1)
            nn.functional.hardswish(x, inplace=True)
            return view

    graph, x = trace(Reader(), 8), values()
    before = graph(x)
    assert rewrite(graph) == 0
    assert torch.equal(graph(x), before)


def test_other_operators_are_left_alone(tiny_graph: Network) -> None:
    graph = copy.deepcopy(tiny_graph)
    assert rewrite(graph) == 0
    assert operators(graph) == operators(tiny_graph)


def test_tflite_gets_no_hard_swish_and_additions_are_fused_with_relu6(
    tiny_spec: ModelSpec, tmp_path: Path
) -> None:
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Hardswish(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    graph = trace(net, 32)
    rewrite(graph)
    file = tflite.export(graph, tiny_spec, tmp_path / "rewritten.tflite")
    counts: Counter[str] = Counter()
    for found in read_structure(file.path).operators:
        counts[found.type] += found.count
    assert (counts["ADD"], counts["MUL"], counts["HARD_SWISH"], counts["RELU6"]) == (1, 2, 0, 0)
