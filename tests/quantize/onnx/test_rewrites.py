"""Activations that ONNX Runtime lacks in INT8 become others, without a second conversion."""

import copy
from collections import Counter

import numpy as np
import torch
from torch import nn

from edgewise.export.graph import trace
from edgewise.export.onnx.graph import INPUT, onnx_graph
from edgewise.models.spec import Tensor32
from edgewise.quantize.onnx.rewrites import rewrite


def test_the_function_stays_the_same(tiny_pictures: Tensor32) -> None:
    import onnx
    import onnxruntime

    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.Hardswish(), nn.Conv2d(8, 8, 3), nn.Hardsigmoid(), nn.Flatten()
    )
    before = onnx_graph(trace(network.eval(), 32), 32)
    after = copy.deepcopy(before)
    rewrite(after)
    onnx.checker.check_model(after, full_check=True)
    kinds = Counter(node.op_type for node in before.graph.node)
    assert kinds["HardSwish"] == kinds["HardSigmoid"] == 1  # or this tests nothing
    assert Counter(node.op_type for node in after.graph.node) == Counter(
        {kind: count for kind, count in kinds.items() if not kind.startswith("Hard")}
        | {"Add": 2, "Clip": 2, "Mul": 3}
    )
    planes = np.ascontiguousarray(tiny_pictures.transpose(0, 3, 1, 2))
    answers = [
        onnxruntime.InferenceSession(model.SerializeToString()).run(None, {INPUT: planes})[0]
        for model in (before, after)
    ]
    np.testing.assert_allclose(answers[1], answers[0], rtol=1e-5, atol=1e-5)


def test_other_graphs_stay_as_they_are() -> None:
    graph = copy.deepcopy(
        onnx_graph(trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten()), 32), 32)
    )
    before = graph.SerializeToString()
    rewrite(graph)
    assert graph.SerializeToString() == before
