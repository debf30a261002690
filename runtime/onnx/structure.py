"""The structure of any .onnx file, read from the file and from the graph that ONNX Runtime executes."""

import re
from collections import Counter
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ...models.errors import MissingDependencyError
from ..structure import Operator, Structure, Tensor
from .overflow import overflow

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

_Shape: TypeAlias = tuple[int, ...]  # -1 is a dynamic dimension
_Constants: TypeAlias = dict[str, "TensorProto"]

_CASTS = {"QuantizeLinear", "DequantizeLinear", "Cast"}
_LAYER = re.compile("Conv|Gemm|MatMul")  # FusedConv, QLinearConv, QGemm, MatMulInteger, ...
# Layers that compute in INT8, whatever their output type.
_INTEGER = re.compile("^QLinear|^QGemm|Integer|^DynamicQuantizeMatMul")
# Operators whose second tensor comes after the scale and zero point of the first.
_SCALED = re.compile("^QLinear|^QGemm")


def read(path: Path, prepared: Path) -> Structure:
    """The structure of the file at `path`; `prepared` is the optimised graph that ONNX Runtime runs."""
    try:
        import onnx
    except ImportError as error:
        raise MissingDependencyError("Inspecting ONNX", "export", "onnx") from error
    model, run = (onnx.load(file, load_external_data=False) for file in (path, prepared))
    graph = model.graph
    constants = _constants(graph)
    tensors = _tensors(model)
    return Structure(
        operators=_counted(run.graph, tensors),
        weights=_weights(constants),
        inputs=tuple(_described(value) for value in graph.input if value.name not in constants),
        outputs=tuple(map(_described, graph.output)),
        size_bytes=path.stat().st_size + _beside(path, constants),
        macs=_macs(graph, tensors),
        output_step=_last_step(graph, constants),
        metadata=_metadata(model),
        overflow=overflow(run.graph, path.parent),  # in files beside it are weights that were not prepared
    )


def _constants(graph: "GraphProto") -> _Constants:
    """The constants in the file, by name: initializers and Constant operators."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    operators = (node for node in graph.node if node.op_type == "Constant")
    values = ((node.output[0], value) for node in operators for value in node.attribute)
    return stored | {name: value.t for name, value in values if value.name == "value"}


def _tensors(model: "ModelProto") -> dict[str, Tensor]:
    """All tensors whose type and shape can be inferred, with a batch size of 1 if it is dynamic."""
    from onnx import shape_inference

    single = type(model)()
    single.CopyFrom(model)
    for value in single.graph.input:
        dims = value.type.tensor_type.shape.dim
        if dims and not dims[0].HasField("dim_value"):
            dims[0].dim_value = 1
    graph = shape_inference.infer_shapes(single, data_prop=True).graph
    found = {value.name: _described(value) for value in (*graph.value_info, *graph.input, *graph.output)}
    return found | {
        name: Tensor(name, _type_name(tensor.data_type), tuple(tensor.dims))
        for name, tensor in _constants(graph).items()
    }


def _counted(graph: "GraphProto", tensors: dict[str, Tensor]) -> tuple[Operator, ...]:
    """The operators that run, with the types of their outputs taken from the file if it has them."""
    types = {name: tensor.dtype for name, tensor in tensors.items()}
    counts: Counter[tuple[str, str]] = Counter()
    for node in graph.node:
        for output in node.output:
            types.setdefault(output, types.get(node.input[0], "unknown") if node.input else "unknown")
        counts[node.op_type, _arithmetic(node, types[node.output[0]])] += 1
    return tuple(
        Operator(name, arithmetic, bool(_LAYER.search(name)), count)
        for (name, arithmetic), count in sorted(counts.items())
    )


def _arithmetic(node: "NodeProto", given: str) -> str:
    """The type that an operator computes in; `given` is the type of its output."""
    if node.op_type in _CASTS:
        return "cast"
    if _INTEGER.search(node.op_type):
        return "int8"
    return {"uint8": "int8", "uint16": "int16"}.get(given, given)


def _type_name(data_type: int) -> str:
    """The numpy name of a type."""
    from onnx import helper

    return helper.tensor_dtype_to_np_dtype(data_type).name if data_type else "unknown"


def _weights(constants: _Constants) -> dict[str, int]:
    """Number of stored values by type."""
    stored: Counter[str] = Counter()
    for tensor in constants.values():
        stored[_type_name(tensor.data_type)] += prod(tensor.dims)
    return dict(sorted(stored.items()))


def _described(value: "ValueInfoProto") -> Tensor:
    return Tensor(value.name, _type_name(value.type.tensor_type.elem_type), _shape(value))


def _shape(value: "ValueInfoProto") -> _Shape:
    dims = value.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") else -1 for dim in dims)


def _beside(path: Path, constants: _Constants) -> int:
    """The size of the external data files of a large model."""
    names = {
        entry.value
        for tensor in constants.values()
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return sum((path.parent / name).stat().st_size for name in names)


def _macs(graph: "GraphProto", tensors: dict[str, Tensor]) -> int | None:
    """Multiply-accumulates of all layers for one picture; None if a shape is unknown."""
    total = 0
    for node in (node for node in graph.node if _LAYER.search(node.op_type)):
        second = 3 if _SCALED.search(node.op_type) else 1
        names = (node.input[0], node.input[second], node.output[0])
        shapes = [tensors[name].shape for name in names if name in tensors]
        if len(shapes) != 3 or -1 in sum(shapes, ()):
            return None
        total += _layer_macs(node.op_type, *shapes)
    pictures = next((tensors[value.name].shape[0] for value in graph.input if tensors[value.name].shape), 1)
    return total // pictures if pictures > 0 else None


def _layer_macs(kind: str, first: _Shape, second: _Shape, output: _Shape) -> int:
    """For one layer. Convolution weights are (outputs, inputs, ...), transposed ones the reverse."""
    if "ConvTranspose" in kind:
        return prod(first) * prod(second[1:])
    if "Conv" in kind:
        return prod(output) * prod(second[1:])
    return prod(output) * first[-1]


def _last_step(graph: "GraphProto", constants: _Constants) -> float | None:
    """The scale of the INT8 tensor that is the output or is dequantized to it."""
    from onnx import numpy_helper

    ends = {value.name for value in graph.output}
    last = [node for node in graph.node if ends.intersection(node.output)]
    if len(last) != 1 or last[0].op_type not in {"QuantizeLinear", "DequantizeLinear"}:
        return None
    scale = constants.get(last[0].input[1])
    if scale is None or prod(scale.dims) != 1 or scale.external_data:
        return None
    return float(numpy_helper.to_array(scale).item())


def _metadata(model: "ModelProto") -> dict[str, str]:
    """The producer, the opset, and everything in `metadata_props`."""
    opset = next((str(entry.version) for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), "")
    facts = {"producer": f"{model.producer_name} {model.producer_version}".strip(), "opset": opset}
    return {key: value for key, value in facts.items() if value} | {
        entry.key: entry.value for entry in model.metadata_props
    }
