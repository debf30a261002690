"""Rewrite hard-swish in a TFLite file as `refine/rewrites.py` does in the network.

The converter writes hard-sigmoid as the layer before it, with 3 added to its bias and a fused ReLU6, and a
product with 1/6: that is its rewritten form already.
"""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, TensorT


def rewrite(model: "ModelT") -> None:
    """Replace each HARD_SWISH in `model`, in place: (x * (1/6)) * relu6(x + 3)."""
    from ai_edge_litert.schema_py_generated import (
        ActivationFunctionType,
        AddOptionsT,
        BuiltinOperator,
        BuiltinOptions,
        MulOptionsT,
        OperatorT,
    )

    graph = model.subgraphs[0]
    codes = [code.builtinCode for code in model.operatorCodes]
    if BuiltinOperator.HARD_SWISH not in codes:
        return
    multiply, add = (_code(model, code) for code in (BuiltinOperator.MUL, BuiltinOperator.ADD))
    sixth, three = (_constant(model, value) for value in (1 / 6, 3))
    operators = []

    def append(code: int, kind: int, options: Any, inputs: list[int], output: int) -> int:
        operator = OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        operators.append(operator)
        return output

    def value(like: "TensorT", kind: bytes) -> int:
        tensor = copy.copy(like)
        tensor.name = like.name + b"/" + kind
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    relu6 = AddOptionsT()
    relu6.fusedActivationFunction = ActivationFunctionType.RELU6
    for operator in graph.operators:
        if codes[operator.opcodeIndex] != BuiltinOperator.HARD_SWISH:
            operators.append(operator)
            continue
        (x,), (y,) = operator.inputs, operator.outputs
        product = BuiltinOptions.MulOptions, MulOptionsT()
        scaled = append(multiply, *product, [x, sixth], value(graph.tensors[y], b"sixth"))
        gate = append(add, BuiltinOptions.AddOptions, relu6, [x, three], value(graph.tensors[y], b"gate"))
        append(multiply, *product, [scaled, gate], y)
    graph.operators = operators


def _code(model: "ModelT", builtin: int) -> int:
    """The number that operators of this kind have in `model`."""
    from ai_edge_litert.schema_py_generated import OperatorCodeT

    for at, code in enumerate(model.operatorCodes):
        if code.builtinCode == builtin:
            return at
    code = OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _constant(model: "ModelT", value: float) -> int:
    """A new scalar."""
    from ai_edge_litert.schema_py_generated import BufferT, TensorT, TensorType

    buffer = BufferT()
    buffer.data = np.array(value, "<f4").reshape(1).view(np.uint8)
    model.buffers.append(buffer)
    name, tensors = f"constant_{value:.3g}".encode(), model.subgraphs[0].tensors
    tensors.append(TensorT([], TensorType.FLOAT32, len(model.buffers) - 1, name, hasRank=True))
    return len(tensors) - 1
