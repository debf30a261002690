"""The network as an ONNX graph, for the ONNX file and as the input of OpenVINO."""

from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from ...models.errors import EdgewiseError, MissingDependencyError
from ...models.sizes import Shape, planes
from ..graph import Network, first_line, kernel_of_picture

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

INPUT, OUTPUT = "input", "logits"
# The opset that the exporter emits without conversion; supported since ONNX Runtime 1.17 and OpenVINO 2024.
# IR version 9 is the first that supports it; the exporter's own, 10, requires ONNX Runtime 1.18.
_OPSET, _IR_VERSION = 20, 9
_converted: "WeakKeyDictionary[Network, ModelProto]" = WeakKeyDictionary()  # shared by two targets


def onnx_graph(network: Network, picture: int | Shape) -> "ModelProto":
    """Convert `network`: (N, C, H, W) float32 to (N, classes), N dynamic. Copy the result before changing it.

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
        model = _convert(network, picture)
        _pool_globally(model)
        strip(model)
        onnx.checker.check_model(model, full_check=True)
        _converted[network] = model
    return _converted[network]


def strip(model: "ModelProto") -> None:
    """Remove unused nodes and tensors, shapes that readers infer, and notes on the graph's origin."""
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


def _convert(network: Network, picture: int | Shape) -> "ModelProto":
    """The graph from PyTorch's exporter, after its constant folding and removal of no-ops."""
    import torch

    example = torch.zeros(planes(picture, 2))  # torch.export would specialize on a batch size of 1
    batch = torch.export.Dim("batch")
    try:
        # Captured here because the exporter would warn that the network is not in evaluation mode.
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
        if (found := kernel_of_picture(network)) is not None:
            raise EdgewiseError(
                f"the network has no ONNX form: the weights of {found} are computed from the picture, with a "
                "group for each of a batch, which ONNX cannot express"
            ) from error
        # The exporter's own message only says that it failed; its cause names the operator.
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        raise EdgewiseError(f"the network has no ONNX form: {first_line(cause)}") from error
    return cast("ModelProto", program.model_proto)


def _pool_globally(model: "ModelProto") -> None:
    """Replace means over height and width by GlobalAveragePool: ONNX Runtime has no INT8 ReduceMean."""
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
    """Replace the contents of a protobuf's repeated field by `items`."""
    copies = list(items)
    del repeated[:]
    repeated.extend(copies)


def groups_of(node: "NodeProto") -> int:
    """The number of groups of a convolution."""
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)


def weight_axes(graph: "GraphProto") -> dict[str, int]:
    """The output channel axis of each layer's weight, by the weight's name."""
    axes = {}
    for node in graph.node:
        match node.op_type:
            case "Conv":
                axes[node.input[1]] = 0
            case "ConvTranspose":
                axes[node.input[1]] = 1
            case "Gemm":
                transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
                axes[node.input[1]] = 0 if transposed else 1
            case "MatMul":
                axes[node.input[1]] = -1
    return axes
