"""The structure of any OpenVINO file, read from the file and from the graph that the CPU plugin runs."""

import re
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...export.artifact import model_files
from ..structure import Operator, Structure, Tensor
from .overflow import overflow

if TYPE_CHECKING:
    import openvino as ov

_LAYERS = {"Convolution", "Deconvolution", "FullyConnected"}  # types in the CPU plugin's graph
_CASTS = {"Reorder", "Convert"}
_ENDS = {"Input", "Output", "Const"}
_GENERATED = "Subgraph"
_TYPES = {"f": "float", "bf": "bfloat", "i": "int", "u": "uint"}


def read(path: Path, model: "ov.Model", single: "ov.Model", compiled: "ov.CompiledModel") -> Structure:
    """The structure of `model`, read from `path`; `single` takes one picture and `compiled` runs it."""
    operators = _operators(compiled.get_runtime_model(), single)
    integer = any(operator.layer and operator.arithmetic == "int8" for operator in operators)
    return Structure(
        operators=operators,
        weights=_weights(model),
        inputs=tuple(map(_tensor, model.inputs)),
        outputs=tuple(map(_tensor, model.outputs)),
        size_bytes=sum(file.stat().st_size for file in model_files(path)),
        macs=_macs(single),
        output_step=_last_step(model),
        metadata=dict(_flat(dict(model.get_rt_info().items()))),
        overflow=overflow(model) if integer else (),
    )


def _operators(graph: "ov.Model", single: "ov.Model") -> tuple[Operator, ...]:
    """The operators run for every picture; those on constants only run once, when the file is loaded."""
    types = {node.get_friendly_name(): node.get_type_name() for node in single.get_ops()}
    constant: set[str] = set()
    counts: Counter[tuple[str, str]] = Counter()
    for node in graph.get_ordered_ops():
        kind = _kind(node, types)
        sources = [port.get_source_output() for port in node.inputs()]
        live = [source for source in sources if source.get_node().get_friendly_name() not in constant]
        if kind == "Const" or (sources and not live):
            constant.add(node.get_friendly_name())
        elif kind not in _ENDS:
            counts[kind, _arithmetic(kind, _name(live[0].get_element_type()), node)] += 1
    return tuple(
        Operator(kind, arithmetic, kind in _LAYERS, count)
        for (kind, arithmetic), count in sorted(counts.items())
    )


def _kind(node: "ov.Node", types: dict[str, str]) -> str:
    """The CPU plugin's name for an operator; for generated code, the types of all operators in it."""
    kind = str(node.get_rt_info()["layerType"].astype(str))
    if kind != _GENERATED:
        return kind
    names = node.get_rt_info()["originalLayersNames"].astype(str).split(",")
    return "+".join(dict.fromkeys(types[name] for name in names if name in types)) or kind


def _arithmetic(kind: str, source: str, node: "ov.Node") -> str:
    """The input type: a layer with INT8 weights and float32 input computes in float32."""
    info = node.get_rt_info()
    if kind in _CASTS or (kind == "FakeQuantize" and info["outputPrecisions"].astype(str) in {"u8", "i8"}):
        return "cast"
    if info["layerType"].astype(str) == _GENERATED:  # computes in float32, whatever its input type
        return "float32"
    return "int8" if source == "uint8" else source


def _weights(model: "ov.Model") -> dict[str, int]:
    """Number of stored values by type."""
    stored: Counter[str] = Counter()
    for node in model.get_ops():
        if node.get_type_name() == "Constant":
            stored[_name(node.get_output_element_type(0))] += prod(node.get_output_shape(0))
    return dict(sorted(stored.items()))


def _tensor(end: "ov.Output") -> Tensor:
    shape = tuple(side.get_length() if side.is_static else -1 for side in end.partial_shape)
    return Tensor(end.any_name if end.names else "", _name(end.element_type), shape)


def _macs(model: "ov.Model") -> int | None:
    """Multiply-accumulates of all convolutions and matrix products; None if sizes are dynamic."""
    total = 0
    for node in model.get_ops():
        kind = node.get_type_name()
        if kind not in {"Convolution", "GroupConvolution", "MatMul"}:
            continue
        shapes = [port.get_partial_shape() for port in (*node.inputs(), *node.outputs())]
        if any(shape.is_dynamic for shape in shapes):
            return None
        first, second, output = ([int(side) for side in shape.to_shape()] for shape in shapes)
        match kind:
            case "Convolution":  # weights OIHW
                total += prod(output) * prod(second[1:])
            case "GroupConvolution":  # weights GOIHW
                total += prod(output) * prod(second[2:])
            case _:
                total += prod(output) * first[-2 if node.get_attributes()["transpose_a"] else -1]
    return total


def _last_step(model: "ov.Model") -> float | None:
    """The step of a FakeQuantize that produces the only output; NNCF leaves the output in float."""
    if len(model.outputs) != 1:
        return None
    last = model.outputs[0].get_node().input_value(0).get_node()
    ends = (
        [last.input_value(index).get_node() for index in (3, 4)]
        if last.get_type_name() == "FakeQuantize"
        else []
    )
    if not ends or any(end.get_type_name() != "Constant" or end.data.size != 1 for end in ends):
        return None
    low, high = (float(end.data.item()) for end in ends)
    return (high - low) / (int(last.get_attributes()["levels"]) - 1)


def _flat(entries: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Nested sections as 'section.key'."""
    for key, value in entries.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", str(value.value)


def _name(kind: "ov.Type") -> str:
    """'int8' for i8."""
    return re.sub(r"^(bf|f|i|u)(?=\d)", lambda match: _TYPES[match[0]], str(kind.get_type_name()))
