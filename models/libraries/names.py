"""Looks up names while ignoring case, dashes, underscores, dots, slashes and spaces."""

from collections.abc import Hashable
from difflib import get_close_matches
from typing import TypeVar

from ..errors import UsageError

T = TypeVar("T", bound=Hashable)


def fold(name: str) -> str:
    """Normalise a name: 'ViT-B/16' and 'vit_b_16' become 'vitb16'."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def pick(asked: str, named: dict[str, T], kind: str, otherwise: str) -> T:
    """The value in `named` for the name `asked`; the first of several names for a value is shown in hints.

    Raises:
        UsageError: there is none; the message suggests the closest names, or `otherwise` if there are none.
    """
    if asked in named:
        return named[asked]
    folded = {fold(name): name for name in named}
    if name := folded.get(fold(asked)):
        return named[name]
    usual = {named[name]: name for name in reversed(named)}  # the first of several names for a value
    near = dict.fromkeys(usual[named[folded[key]]] for key in get_close_matches(fold(asked), folded))
    hint = f"did you mean {', '.join(near)}?" if near else otherwise
    raise UsageError(f"no {kind} is called {asked!r}; {hint}")
