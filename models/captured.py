"""Clean what `torch.export` captures, and find what in it still behaves as in training.

`torch.no_grad()` and `torch.autocast` in a forward are captured as operators that call a graph of their own.
Neither changes what a network computes in float32, so these graphs are inlined.
"""

import operator
import re
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import UsageError

if TYPE_CHECKING:
    from torch.fx import GraphModule

_Node: TypeAlias = Any  # torch.fx.Node

_SWITCHES = ("train", "training")
_RATES = ("p", "dropout_p")


def inline_modes(module: "GraphModule") -> None:
    """Replace every region of `no_grad` and autocast in `module` by its operators, in place.

    Raises:
        UsageError: a region computes in half precision on the CPU.
    """
    import torch

    gradients, autocast = (
        torch.ops.higher_order.wrap_with_set_grad_enabled,
        torch.ops.higher_order.wrap_with_autocast,
    )
    regions = [node for node in module.graph.nodes if node.target in (gradients, autocast)]
    if not regions:
        return
    for node in regions:
        if node.target is gradients:
            _inline(module, node, 1)
        else:
            device, kind, enabled = node.args[:3]
            if enabled and device == "cpu":  # elsewhere it does nothing to a network on the CPU
                raise UsageError(
                    f"the network computes in {str(kind).removeprefix('torch.')}{place(node)}, under "
                    "torch.autocast('cpu'); remove it from forward: edgewise converts networks in float32"
                )
            _inline(module, node, 4)
    module.graph.eliminate_dead_code()
    module.delete_all_unused_submodules()
    module.recompile()


def training_operator(module: "GraphModule") -> _Node | None:
    """The first operator of `module` that is random or uses each batch's statistics; None without one."""
    reached: set[_Node] = set()
    for node in module.graph.nodes:
        if node.op == "placeholder" or not reached.isdisjoint(node.all_input_nodes):
            reached.add(node)
        if _trains(node, of_pictures=node in reached):
            return node
    return None


def operator_name(node: _Node) -> str:
    """The operator's name without its overload: 'conv2d'."""
    return str(getattr(node.target, "__name__", node.target)).partition(".")[0]


def place(node: _Node) -> str:
    """Where the user's code has this operator, as ' at line 12 of net.py'; empty where that is not known."""
    found = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    own = [(file, line) for file, line in found if "site-packages" not in file]
    if not own:
        return ""
    file, line = own[-1]
    return f" at line {line} of {PureWindowsPath(file).name}"  # which knows both separators


def _inline(module: "GraphModule", call: _Node, index: int) -> None:
    """Replace `call`, whose argument `index` is a graph and whose further arguments are its inputs."""
    from torch.fx.node import map_arg

    region = getattr(module, call.args[index].target)
    inline_modes(region)  # regions may be nested
    inputs = [node for node in region.graph.nodes if node.op == "placeholder"]
    copies = dict(zip(inputs, call.args[index + 1 :], strict=True))
    results: Any = ()
    with module.graph.inserting_before(call):
        for node in region.graph.nodes:
            if node.op == "output":
                results = map_arg(node.args[0], copies.__getitem__)
            elif node.op != "placeholder":
                copies[node] = module.graph.node_copy(node, copies.__getitem__)
    for user in list(call.users):
        if user.target is not operator.getitem:  # a region returns a tuple
            raise UsageError("the network cannot be captured: it returns a no_grad block as a whole")
        user.replace_all_uses_with(results[user.args[1]])
        module.graph.erase_node(user)
    module.graph.erase_node(call)


def _trains(node: _Node, *, of_pictures: bool) -> bool:
    import torch

    schema = getattr(node.target, "_schema", None)
    if schema is None:  # not an operator of torch
        return False
    given = {argument.name: argument.default_value for argument in schema.arguments}
    given |= dict(zip(given, node.args, strict=False)) | node.kwargs
    switches, rates = ([given[name] for name in names if name in given] for names in (_SWITCHES, _RATES))
    if torch.Tag.nondeterministic_seeded in node.target.tags:
        return not ((switches and not any(switches)) or (rates and not any(rates)))
    # Standardized weights are computed by a batch norm too, which sees no picture.
    return of_pictures and "batch_norm" in schema.name and any(switches)
