"""Records the operators that a network runs. It imports torch, so import this module inside functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, UntypedStorage, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import flop_registry

from .layers import BATCH_NORMS

_WEIGHT = {"convolution": 1, "addmm": 2, "baddbmm": 2, "mm": 1, "bmm": 1}  # index of the argument
_WEIGHT |= dict.fromkeys(BATCH_NORMS, 3)  # the running mean
_GROUPS = 8  # index of a convolution's argument
# Operators that keep every element in place but that torch does not tag as pointwise.
_IN_PLACE = BATCH_NORMS | {"native_group_norm", "native_layer_norm", "hardswish", "hardswish_"}


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """An operator that reads the picture or something computed from it.

    `weight` is the shape of a convolution's or matrix product's weight, or of a batch norm's statistics; None
    if these are computed from the picture. `parameters` are the names of the parameters that it reads,
    `sources` the steps that wrote its other inputs. `elementwise` means that it keeps every element in place.
    """

    operator: str
    macs: int
    elements: int
    weight: tuple[int, ...] | None
    groups: int
    parameters: frozenset[str]
    sources: tuple["Step", ...]
    elementwise: bool


class OperatorRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Lists the steps from a picture on the meta device to a network's output.

    Values computed from parameters only, such as a standardised weight, are not steps: they are the same for
    every picture and cost nothing at inference. The network may be on any device, since steps run on meta.
    """

    def __init__(self, network: nn.Module, picture: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps: list[Step] = []
        # Keyed by storage, not tensor: views share it, and in-place operators write to it.
        self._writers: dict[UntypedStorage, Step | None] = {picture.untyped_storage(): None}
        self._names: dict[UntypedStorage, frozenset[str]] = {}
        for name, parameter in network.named_parameters():
            self._learn([parameter], frozenset({name}))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operator, and record it if it is a step."""
        del types
        kwargs = kwargs or {}
        read = _tensors((args, kwargs))
        if not any(tensor.untyped_storage() in self._writers for tensor in read):
            out = func(*args, **kwargs)
            self._learn(_tensors(out), self._parameters(read))
            return out
        args, kwargs = tree_map_only(Tensor, _to_meta, (args, kwargs))
        out = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        if not (func.is_view or name == "_unsafe_view"):
            formula = flop_registry.get(func.overloadpacket)  # counts two operations per MAC
            macs = formula(*args, **kwargs, out_val=out) // 2 if formula else 0
            self._note(func, macs, args, read, _tensors(out))
        return out

    def _note(
        self, func: Any, macs: int, args: Sequence[Any], read: list[Tensor], written: list[Tensor]
    ) -> None:
        name = func.overloadpacket.__name__
        weight = args[_WEIGHT[name]] if name in _WEIGHT else None
        if weight is not None and weight.untyped_storage() in self._writers:
            weight = None
        sources = dict.fromkeys(self._writers.get(tensor.untyped_storage()) for tensor in read)
        step = Step(
            operator=name,
            macs=macs,
            elements=written[0].numel() if written else 0,
            weight=None if weight is None else tuple(weight.shape),
            groups=args[_GROUPS] if name == "convolution" else 1,
            parameters=self._parameters(read),
            sources=tuple(source for source in sources if source),
            elementwise=name in _IN_PLACE or torch.Tag.pointwise in func.tags,
        )
        self.steps.append(step)
        self._writers.update({tensor.untyped_storage(): step for tensor in written})

    def _learn(self, constants: list[Tensor], names: frozenset[str]) -> None:
        for tensor in constants:
            memory = tensor.untyped_storage()
            self._names[memory] = self._names.get(memory, frozenset()) | names

    def _parameters(self, read: list[Tensor]) -> frozenset[str]:
        known = (self._names.get(tensor.untyped_storage(), frozenset()) for tensor in read)
        return frozenset[str]().union(*known)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _to_meta(tensor: Tensor) -> Tensor:
    return tensor if tensor.is_meta else torch.empty_like(tensor, device="meta")
