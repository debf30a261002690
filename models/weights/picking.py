"""Finds the network's tensors in a file: below which entry and prefix, and raw or averaged."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .renaming import understood

if TYPE_CHECKING:
    import torch

COUNTER = "num_batches_tracked"  # of batch norms: only used in training, missing in old checkpoints
_AVERAGED = re.compile(r"(?:^|[^a-z])(?:ema|swa|avg|average|averaged|averaging|shadow)(?:[^a-z]|$)")
_SHOWN = 3


@dataclass(frozen=True, slots=True, eq=False)
class NetworkCopy:
    """The tensors below `prefix` in the state dict `entry` of a file, by the network's names.

    They fill the network; `beside` are the tensors outside of the prefix.
    """

    entry: str
    prefix: str
    tensors: "dict[str, torch.Tensor]"
    beside: "dict[str, torch.Tensor]"

    @property
    def averaged(self) -> bool:
        """Whether its name says that these are averages over training steps (EMA, SWA)."""
        return any(_AVERAGED.search(name.lower()) for name in (self.entry, self.prefix))

    def __str__(self) -> str:
        names = f"{self.prefix}*" if self.prefix else ""
        return " of ".join(filter(None, (names, self.entry))) or "the names as they are"


@dataclass(frozen=True, slots=True, eq=False)
class Picked:
    """The tensors for the network by its names, and a notice for everything else of interest in the file."""

    tensors: "dict[str, torch.Tensor]"
    notices: tuple[str, ...] = ()


def pick(
    states: "Mapping[str, Mapping[str, torch.Tensor]]", expected: Collection[str], path: Path, *, ema: bool
) -> Picked:
    """Pick the tensors of a network with the names `expected` from the state dicts of a file.

    A prefix, such as that of DataParallel, torch.compile, AveragedModel or a Lightning module, is removed
    only where the names do not fit as they are, and where the rest fills the network. If nothing does, the
    closest part is returned, for a message.

    Raises:
        UsageError: there are several networks, or tensors that seem to be part of a larger one; or there are
            no averaged weights, with `ema`.
    """
    required = {name for name in expected if not name.endswith(COUNTER)}
    parts = [part for entry in states for part in _parts(entry, states[entry], expected, required)]
    averaged = [part for part in parts if part.averaged]
    usual = [part for part in parts if not part.averaged]
    main = [part for part in usual if part.entry == next(iter(states))]
    if ema and not averaged:
        raise UsageError(f"--ema: {path} has no averaged weights of this network; omit it")
    chosen = averaged if ema else main or usual or averaged
    if not chosen:
        return Picked(_closest(next(iter(states.values())), expected, required))
    if chosen[0].prefix and len(chosen) > 1:
        raise UsageError(
            f"{path}: has {len(chosen)} copies of the network ({', '.join(map(str, chosen))}); "
            "save the state dict of one"
        )
    return _settled(chosen[0], parts, path, ema=ema)


def _settled(part: NetworkCopy, parts: list[NetworkCopy], path: Path, *, ema: bool) -> Picked:
    """The part without other copies of the network, and what there is to say."""
    notices = []
    copies = [other for other in parts if other is not part]
    averaged = next((other for other in copies if other.averaged), None)
    if part.averaged and not ema:
        notices.append(f"{path.name} has only averaged weights (EMA) of this network, in {part}: using these")
    elif averaged and not ema:
        notices.append(
            f"{path.name} also has averaged weights (EMA), in {averaged}: using those in {part}; "
            "pass --ema to use the averaged ones"
        )
    within = [other.prefix for other in copies if other.entry == part.entry]
    beside = {name: tensor for name, tensor in part.beside.items() if not name.startswith(tuple(within))}
    if large := [name for name, tensor in beside.items() if tensor.ndim > 1]:
        raise UsageError(
            f"{path}: the tensors {part.prefix}* fit, but {_listed(large)} beside them may be layers too; if "
            "they are, write a function that returns the whole network, and pass it as in net.py:factory; if "
            "not, save the state dict of the network alone"
        )
    if beside:
        are = "is" if len(beside) == 1 else "are"
        notices.append(f"{path.name}: {_listed([*beside])} {are} not part of the network and left out")
    inner = tuple(name.removeprefix(part.prefix) for name in within if name.startswith(part.prefix))
    tensors = {
        name: tensor
        for name, tensor in part.tensors.items()
        if not name.startswith(tuple(filter(None, inner)))
    }
    return Picked(tensors, tuple(notices))


def _parts(
    entry: str,
    tensors: "Mapping[str, torch.Tensor]",
    expected: Collection[str],
    required: set[str],
) -> Iterator[NetworkCopy]:
    """Every part of a state dict that fills the network; the names as they are first."""
    for prefix, count in _prefixes([*tensors]):
        if count >= len(required):
            found = _below(prefix, tensors, expected)
            if required.issubset(found):
                beside = {name: tensor for name, tensor in tensors.items() if not name.startswith(prefix)}
                yield NetworkCopy(entry, prefix, found, beside)


def _closest(
    tensors: "Mapping[str, torch.Tensor]", expected: Collection[str], required: set[str]
) -> "dict[str, torch.Tensor]":
    """The tensors below the prefix with which most of the required names are there."""
    parts = [_below(prefix, tensors, expected) for prefix, _ in _prefixes([*tensors])]
    return max(parts, key=lambda part: len(part.keys() & required))


def _below(
    prefix: str, tensors: "Mapping[str, torch.Tensor]", expected: Collection[str]
) -> "dict[str, torch.Tensor]":
    inner = {name.removeprefix(prefix): tensors[name] for name in tensors if name.startswith(prefix)}
    return understood(inner, expected)


def _prefixes(names: Collection[str]) -> list[tuple[str, int]]:
    """The beginnings of names up to a dot with the number of their names, the shortest first; '' is all."""
    found: Counter[str] = Counter()
    for name in names:
        places = [0, *(place + 1 for place, letter in enumerate(name) if letter == ".")]
        found.update(name[:place] for place in places)
    return sorted(found.items(), key=lambda item: len(item[0]))


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:_SHOWN])}{f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''}"
