"""Takes out the softmax or sigmoid with which a network ends: edgewise quantizes and judges logits.

Probabilities that are near 0 or 1 leave nothing to compare, and `predict` would apply a softmax to them
again. Running the network once shows whether it ends in such a step; only then is it captured, and cut there.
"""

from typing import TYPE_CHECKING, Any

from .captured import inline_modes
from .sizes import Shape, planes

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.fx import GraphModule

_STEPS = {
    "softmax": "softmax",
    "_softmax": "softmax",
    "log_softmax": "log_softmax",
    "_log_softmax": "log_softmax",
    "sigmoid": "sigmoid",
    "sigmoid_": "sigmoid",
}
# Operators that hand on what they are given, in another shape or type.
_PASSED_ON = {
    *("view", "_unsafe_view", "reshape", "_reshape_alias", "flatten", "squeeze"),
    *("contiguous", "clone", "alias", "detach", "to", "_to_copy"),
}


def without_final_step(network: "nn.Module", picture: Shape) -> "tuple[nn.Module, str | None]":
    """`network` up to its logits, and the name of the step that followed them; None without one.

    A network that cannot be captured is returned as it is: its conversion will say why.
    """
    import torch

    if not final_step(network, picture):
        return network, None
    example, batch = torch.zeros(planes(picture, 2)), torch.export.Dim("batch")
    try:
        program = torch.export.export(network, (example,), dynamic_shapes=({0: batch},))
        module: Any = program.module(check_guards=False)
        inline_modes(module)
    except Exception:  # noqa: BLE001 - torch.export raises anything
        return network, None
    graph = torch.fx.GraphModule(module, module.graph).eval()  # the program's own module rejects `eval`
    step = cut(graph)
    return (graph, step) if step else (network, None)


def cut(graph: "GraphModule") -> str | None:
    """Take the final step out of a captured network, in place; its name, or None if there is none."""
    output = graph.graph.output_node()
    last: Any = output.args[0]
    while isinstance(last, tuple | list) and len(last) == 1:
        last = last[0]
    while _name(getattr(last, "target", None)) in _PASSED_ON:
        last = last.args[0]
    step = _STEPS.get(_name(getattr(last, "target", None)))
    if step is None or (step != "sigmoid" and not _over_classes(last)):
        return None
    last.replace_all_uses_with(last.args[0])
    graph.graph.erase_node(last)
    graph.recompile()
    return step


def _over_classes(softmax: Any) -> bool:
    """Whether it runs over the second dimension; a file may lack the shapes, which are then (N, classes)."""
    known = softmax.args[0].meta.get("val")
    rank = 2 if known is None else len(known.shape)
    return bool(softmax.args[1] % rank == 1)


def final_step(network: "nn.Module", picture: Shape) -> str | None:
    """The name of the softmax or sigmoid that what the network returns comes from; None if there is none."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class StepWatch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """Keeps the result of the latest step, and what was made of it without changing a value."""

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.step: str | None = None
            self.kept: list[Tensor] = []

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            if _name(func) in _STEPS:
                self.step, self.kept = _STEPS[_name(func)], [result]
            elif _name(func) in _PASSED_ON and any(args[0] is tensor for tensor in self.kept):
                self.kept.append(result)
            return result

    with torch.no_grad(), StepWatch() as watch:
        answer = network(torch.zeros(planes(picture, 1)))
    return watch.step if any(answer is tensor for tensor in watch.kept) else None


def _name(target: Any) -> str:
    """The name of an aten operator, such as 'softmax'; empty for anything else."""
    space, _, name = str(getattr(getattr(target, "_schema", None), "name", "")).partition("::")
    return name if space == "aten" else ""
