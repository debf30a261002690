"""Names that forgive case, dashes, underscores, dots, slashes and spaces."""

from collections.abc import Hashable
from difflib import get_close_matches
from typing import TypeVar

from ..errors import UsageError

T = TypeVar("T", bound=Hashable)


def fold(name: str) -> str:
    """What of a name counts: 'ViT-B/16' and 'vit_b_16' are 'vitb16'."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def pick(asked: str, named: dict[str, T], kind: str, otherwise: str) -> T:
    """The one of `named` that is called `asked`; the first of its names is its usual one.

    Raises:
        UsageError: none is; it tells the nearest names, or what to do `otherwise`.
    """
    if asked in named:
        return named[asked]
    folded = {fold(name): name for name in named}
    if name := folded.get(fold(asked)):
        return named[name]
    usual = {named[name]: name for name in reversed(named)}  # the first of several names for one thing
    near = dict.fromkeys(usual[named[folded[key]]] for key in get_close_matches(fold(asked), folded))
    hint = f"did you mean {', '.join(near)}" if near else otherwise
    raise UsageError(f"no {kind} is called {asked!r}; {hint}")
