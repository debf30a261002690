"""Rewrite activations in an ONNX graph as `refine/rewrites.py` does in the network."""

from typing import TYPE_CHECKING

import numpy as np

from ...export.onnx.graph import keep

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_SIXTH, _THREE, _ZERO, _SIX = "constant_sixth", "constant_3", "constant_0", "constant_6"
_CONSTANTS = {_SIXTH: 1 / 6, _THREE: 3.0, _ZERO: 0.0, _SIX: 6.0}


def rewrite(model: "ModelProto") -> None:
    """Replace each HardSwish and HardSigmoid in `model`, in place, by products, sums and a Clip."""
    from onnx import numpy_helper

    nodes: list[NodeProto] = []
    for node in model.graph.node:
        nodes += _rewritten(node)
    if len(nodes) == len(model.graph.node):
        return
    keep(model.graph.node, nodes)
    for name, value in _CONSTANTS.items():
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))


def _rewritten(node: "NodeProto") -> "list[NodeProto]":
    from onnx.helper import make_node

    if node.op_type not in {"HardSwish", "HardSigmoid"}:
        return [node]
    (x,), (y,) = node.input, node.output
    raised, gate, scaled = (f"{y}_{kind}" for kind in ("raised", "gate", "scaled"))
    start = [
        make_node("Add", [x, _THREE], [raised], f"{node.name}_add"),
        make_node("Clip", [raised, _ZERO, _SIX], [gate], f"{node.name}_clip"),
    ]
    if node.op_type == "HardSigmoid":
        return [*start, make_node("Mul", [gate, _SIXTH], [y], node.name)]
    return [
        *start,
        make_node("Mul", [x, _SIXTH], [scaled], f"{node.name}_scale"),
        make_node("Mul", [scaled, gate], [y], node.name),
    ]
