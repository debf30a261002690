"""The network as a graph of aten operators: the starting point of every target and every rewrite.

`torch.export` captures any network. Regions of `no_grad` and autocast are inlined, weights that depend on
parameters alone are folded, and batch norms are folded into the convolutions before them. Export,
equalization and bias correction therefore all work on exactly the same arithmetic.
"""

import warnings
from typing import TYPE_CHECKING, Any, TypeAlias

from ..models.captured import inline_modes, operator_name, place, training_operator
from ..models.errors import EdgewiseError, UsageError
from ..models.sizes import Shape, planes
from .constants import fold_weights
from .decompositions import decompose

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.export import ExportedProgram
    from torch.fx import GraphModule

Network: TypeAlias = "GraphModule"  # (N, C, H, W) float32 -> (N, classes)
Node: TypeAlias = Any  # torch.fx.Node; its arguments are typed as a union of everything possible


def trace(network: "nn.Module", picture: int | Shape) -> Network:
    """Capture `network` for pictures of that shape, or RGB squares of that side; fold weights and norms.

    Raises:
        UsageError: it behaves as in training after `eval()`, or computes in half precision.
        EdgewiseError: it cannot be captured (the message names the operator or line), or it has several
            outputs.
    """
    import torch

    example = torch.zeros(planes(picture, 2))  # torch.export would specialize on a batch size of 1
    batch = torch.export.Dim("batch")
    try:
        with warnings.catch_warnings():
            # What forward assigns to attributes, as LSTMs and spectral norms do, is part of the graph anyway.
            warnings.filterwarnings("ignore", r"The tensor attributes? self\.", UserWarning)
            program = torch.export.export(network.eval(), (example,), dynamic_shapes=({0: batch},))
    except Exception as error:
        raise EdgewiseError(
            f"the network cannot be captured by torch.export: {first_line(error)}. "
            "Its forward must take one batch of pictures and must not branch on tensor values"
        ) from error
    _require_one_output(program)
    graph = program.module(check_guards=False)
    inline_modes(graph)
    _require_evaluation(graph)
    with torch.no_grad():
        fold_weights(graph)
        decompose(graph)
        return _fold_batch_norms(graph)


def parameter(graph: Network, node: Node) -> "Tensor":
    """The tensor that a `get_attr` node refers to."""
    owner, _, name = str(node.target).rpartition(".")
    return getattr(graph.get_submodule(owner), name)  # type: ignore[no-any-return]


def set_parameter(graph: Network, node: Node, value: "Tensor") -> None:
    """Replace the tensor that a `get_attr` node refers to."""
    from torch import nn

    owner, _, name = str(node.target).rpartition(".")
    setattr(graph.get_submodule(owner), name, nn.Parameter(value, requires_grad=False))


def is_own(source: Node | None) -> bool:
    """Whether an operator's argument is absent, or a parameter that no other operator reads."""
    return source is None or (source.op == "get_attr" and len(source.users) == 1)


def kernel_of_picture(graph: Network) -> str | None:
    """The first convolution whose weights are computed from the picture, as in CondConv; None without one."""
    for node in graph.graph.nodes:
        layer = node.op == "call_function" and operator_name(node) in {"conv2d", "conv1d"}
        if layer and node.args[1].op != "get_attr":
            return f"{operator_name(node)}{place(node)}"
    return None


def _require_one_output(program: "ExportedProgram") -> None:
    names = program.graph_signature.user_outputs
    if len(names) != 1:
        raise EdgewiseError(
            f"the network has {len(names)} outputs ({', '.join(map(str, names))}); its forward must return "
            "only the logits, (N, classes)"
        )


def _require_evaluation(graph: Network) -> None:
    node = training_operator(graph)
    if node is not None:
        raise UsageError(
            f"the network behaves as in training after eval(): {operator_name(node)}{place(node)} is random, "
            "or depends on the other pictures of a batch; make it follow self.training, as in "
            "F.dropout(x, p, training=self.training)"
        )


def _fold_batch_norms(graph: Network) -> Network:
    """Rewrite batch_norm(conv2d(x)) to one conv2d if nothing else reads the convolution's output."""
    import torch

    aten = torch.ops.aten
    for norm in graph.graph.find_nodes(op="call_function", target=aten.batch_norm.default):
        conv = norm.args[0]
        if conv.target != aten.conv2d.default or len(conv.users) > 1 or not all(map(is_own, conv.args[1:3])):
            continue
        if norm.args[3] is not None:  # it uses running statistics, not those of each batch
            _fold(graph, conv, norm)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def _fold(graph: Network, conv: Node, norm: Node) -> None:
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_weights

    x, weight, bias, *rest = conv.args if len(conv.args) > 2 else (*conv.args, None)
    _, scale, shift, mean, variance, _, _, epsilon, *_ = norm.args
    old_weight, old_bias, old_mean, old_variance, gain, offset = (
        None if node is None else parameter(graph, node)
        for node in (weight, bias, mean, variance, scale, shift)
    )
    fused: Any = fuse_conv_bn_weights
    fused_weight, fused_bias = fused(old_weight, old_bias, old_mean, old_variance, epsilon, gain, offset)
    set_parameter(graph, weight, fused_weight)
    if bias is None:
        name = f"{weight.target}_bias"  # not 'bias': the module may already have an attribute of that name
        owner, _, own = name.rpartition(".")
        graph.get_submodule(owner).register_parameter(own, torch.nn.Parameter(fused_bias))
        with graph.graph.inserting_before(conv):
            bias = graph.graph.get_attr(name)
    set_parameter(graph, bias, fused_bias)
    conv.args = (x, weight, bias, *rest)
    norm.replace_all_uses_with(conv)
    graph.graph.erase_node(norm)


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type: some libraries append pages of traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
