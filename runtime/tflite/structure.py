"""The structure of any .tflite file, read from the interpreter and from the file itself."""

from collections import Counter
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..structure import Operator, Structure, Tensor
from .metadata import metadata

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_litert.schema_py_generated import Model

_Node: TypeAlias = dict[str, Any]  # the interpreter's description of an operator or tensor
_Tensors: TypeAlias = dict[int, _Node]

_DELEGATE = "DELEGATE"
_CASTS = {"QUANTIZE", "DEQUANTIZE", "CAST"}
_LAYERS = {"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL"}


def read(path: Path, interpreter: "Interpreter") -> Structure:
    """The structure of the file at `path`, opened by `interpreter`."""
    from ai_edge_litert.schema_py_generated import Model

    model = Model.GetRootAs(path.read_bytes())
    nodes = interpreter._get_ops_details()  # noqa: SLF001 - no public API shows delegation
    delegates = [node for node in nodes if node["op_name"] == _DELEGATE]
    operators = [node for node in nodes if node["op_name"] != _DELEGATE]
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    return Structure(
        operators=_counted(operators),
        weights=_weights(model),
        inputs=tuple(map(_described, inputs)),
        outputs=tuple(map(_described, outputs)),
        size_bytes=path.stat().st_size,
        macs=sum(_macs(node, tensors) for node in operators) // _pictures(inputs),
        partitions=len(delegates),
        whole=len(delegates) == 1 and _spans(delegates[0], operators, inputs, outputs),
        output_step=_last_step(operators, tensors, outputs),
        metadata=metadata(model),
    )


def _counted(operators: list[_Node]) -> tuple[Operator, ...]:
    counts = Counter((node["op_name"], _arithmetic(node)) for node in operators)
    return tuple(
        Operator(name, arithmetic, name in _LAYERS, count)
        for (name, arithmetic), count in sorted(counts.items())
    )


def _arithmetic(node: _Node) -> str:
    """The output type, which is float32 for hybrid layers (INT8 weights, float activations)."""
    if node["op_name"] in _CASTS:
        return "cast"
    kind = np.dtype(node["result_types"][0]).name if node["result_types"] else ""
    return "int8" if kind == "uint8" else kind


def _weights(model: "Model") -> dict[str, int]:
    """Number of stored values by type; shared buffers are counted once."""
    from ai_edge_litert.schema_py_generated import TensorType

    names = {value: name.lower() for name, value in vars(TensorType).items() if name.isupper()}
    stored: Counter[str] = Counter()
    seen = set()
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for tensor in map(graph.Tensors, range(graph.TensorsLength())):
            buffer = model.Buffers(tensor.Buffer())
            # Large files, and those of ai-edge-quantizer, store data after the FlatBuffer: `Size` bytes.
            if tensor.Buffer() not in seen and (buffer.DataLength() or buffer.Size()):
                seen.add(tensor.Buffer())
                stored[names[tensor.Type()]] += prod(map(tensor.Shape, range(tensor.ShapeLength())))
    return dict(sorted(stored.items()))


def _described(tensor: _Node) -> Tensor:
    scale, zero_point = tensor["quantization"]
    return Tensor(
        name=tensor["name"],
        dtype=np.dtype(tensor["dtype"]).name,
        shape=tuple(map(int, tensor["shape_signature"])),
        scale=float(scale) if scale else None,
        zero_point=int(zero_point) if scale else None,
    )


def _macs(node: _Node, tensors: _Tensors) -> int:
    """Multiply-accumulates of a layer, from the shapes of its inputs and its output."""
    if node["op_name"] not in _LAYERS:
        return 0
    first, second, *rest = ([int(side) for side in tensors[i]["shape"]] for i in node["inputs"] if i >= 0)
    output = [int(side) for side in tensors[node["outputs"][0]]["shape"]]
    match node["op_name"]:
        case "TRANSPOSE_CONV":  # output shape, weights OHWI, input: each value meets every O, H, W
            return prod(rest[0]) * prod(second[:3])
        case "DEPTHWISE_CONV_2D":  # weights (1, H, W, C)
            return prod(output) * prod(second[1:3])
        case "BATCH_MATMUL":  # (..., M, K) by (..., K, N), or the first transposed
            return prod(output) * (first[-1] if first[-2] == output[-2] else first[-2])
        case _:  # weights OHWI, or (O, I)
            return prod(output) * prod(second[1:])


def _pictures(inputs: list[_Node]) -> int:
    """The batch size."""
    shape = list(inputs[0]["shape"]) if inputs else []
    return max(1, int(shape[0])) if shape else 1


def _spans(delegate: _Node, operators: list[_Node], inputs: list[_Node], outputs: list[_Node]) -> bool:
    """Whether it reads the model's inputs and writes its outputs, directly or through casts."""
    casts = [node for node in operators if node["op_name"] in _CASTS]

    def meets(end: int, own: str, other: str) -> bool:
        same = {end}.union(*(node[other] for node in casts if end in node[own]))
        return not same.isdisjoint(delegate[own])

    return all(meets(tensor["index"], "inputs", "outputs") for tensor in inputs) and all(
        meets(tensor["index"], "outputs", "inputs") for tensor in outputs
    )


def _last_step(operators: list[_Node], tensors: _Tensors, outputs: list[_Node]) -> float | None:
    """The scale of the output, or of the integer tensor that a last DEQUANTIZE reads."""
    if len(outputs) != 1:
        return None
    last = outputs[0]
    for node in operators:
        if node["op_name"] == "DEQUANTIZE" and node["outputs"][0] == last["index"]:
            last = tensors[node["inputs"][0]]
    return float(last["quantization"][0]) or None
