"""The network as an ONNX graph: what the ONNX file holds and what OpenVINO reads its own from."""

from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from ...models.errors import EdgewiseError, MissingDependencyError
from ..graph import Network, first_line

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

INPUT, OUTPUT = "input", "logits"
# The operators that the exporter emits without a conversion; ONNX Runtime has read them since 1.17, OpenVINO
# since 2024. 9 is the first form of file that may hold them: 10, the exporter's, asks for ONNX Runtime 1.18.
_OPSET, _IR_VERSION = 20, 9
_converted: "WeakKeyDictionary[Network, ModelProto]" = WeakKeyDictionary()  # two targets need the same


def onnx_graph(network: Network, size: int) -> "ModelProto":
    """Convert `network`: (N, 3, S, S) float32 to (N, classes), N free. Not to be changed, only copied.

    Initializers have the names of the network's parameters.

    Raises:
        MissingDependencyError: onnx or onnxscript is not installed.
        EdgewiseError: an operator of the network has no ONNX form.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - the exporter needs it
    except ImportError as error:
        raise MissingDependencyError("Exporting to ONNX", "export", error.name or "onnx") from error

    if network not in _converted:
        model = _convert(network, size)
        _pool_globally(model)
        strip(model)
        onnx.checker.check_model(model, full_check=True)
        _converted[network] = model
    return _converted[network]


def strip(model: "ModelProto") -> None:
    """Take out what nothing reads, shapes that readers infer, and notes on where it was made."""
    graph = model.graph
    nodes, read = [], {value.name for value in graph.output}
    for node in reversed(graph.node):
        if read.intersection(node.output):
            read.update(node.input)
            nodes.append(node)
    domains = {node.domain for node in nodes}
    keep(graph.node, nodes[::-1])
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.ClearField("doc_string")
    keep(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in read])
    keep(model.opset_import, [opset for opset in model.opset_import if opset.domain in domains])
    del graph.value_info[:]
    model.ir_version = _IR_VERSION


def _convert(network: Network, size: int) -> "ModelProto":
    """The exporter's own graph, which its optimiser has folded and cleared of operators that do nothing."""
    import torch

    example = torch.zeros(2, 3, size, size)  # a batch of one would be specialised
    batch = torch.export.Dim("batch")
    try:
        # Captured here: the exporter itself would warn that the network is not in evaluation mode.
        captured = torch.export.export(network, (example,), dynamic_shapes=({0: batch},))
        program: Any = torch.onnx.export(
            captured,
            dynamo=True,
            opset_version=_OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    except Exception as error:
        raise EdgewiseError(f"the network has no ONNX form: {first_line(error)}") from error
    return cast("ModelProto", program.model_proto)


def _pool_globally(model: "ModelProto") -> None:
    """Write means over height and width as GlobalAveragePool: ONNX Runtime has no INT8 form of ReduceMean."""
    from onnx import helper

    nodes: list[NodeProto] = []
    means = _spatial_means(model)
    for node in model.graph.node:
        if node.name not in means:
            nodes.append(node)
            continue
        keeps = all(attribute.i for attribute in node.attribute if attribute.name == "keepdims")
        pooled = node.output[0] if keeps else f"{node.output[0]}_pooled"
        nodes.append(helper.make_node("GlobalAveragePool", node.input[:1], [pooled], node.name))
        if not keeps:
            nodes.append(helper.make_node("Flatten", [pooled], node.output, f"{node.name}_flatten"))
    keep(model.graph.node, nodes)


def _spatial_means(model: "ModelProto") -> set[str]:
    """The names of the nodes that take the mean of (N, C, H, W) over H and W."""
    from onnx import numpy_helper

    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    values = (*graph.input, *graph.value_info)
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in values}
    return {
        node.name
        for node in graph.node
        if node.op_type == "ReduceMean" and ranks.get(node.input[0]) == 4
        if len(node.input) == 2 and node.input[1] in constants
        if sorted(numpy_helper.to_array(constants[node.input[1]]) % 4) == [2, 3]
    }


def keep(repeated: Any, items: list[Any]) -> None:
    """Let a repeated field of a protobuf hold `items`."""
    copies = list(items)
    del repeated[:]
    repeated.extend(copies)
