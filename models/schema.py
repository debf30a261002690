"""What JSON from a file must look like: rules that are functions, checked before any value is used.

A rule raises a `UsageError` that says where the fault is, what is there and what must be. JSON libraries for
schemas are large for a device, and know neither finite numbers nor exact types.
"""

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

from .errors import UsageError

Rule: TypeAlias = Callable[[Any, str], None]

_SHOWN = 40  # characters of a wrong value
_GREATEST = sys.float_info.max


def text(value: Any, where: str) -> None:
    """A string."""
    if not isinstance(value, str):
        _refuse(value, where, "text")


def boolean(value: Any, where: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        _refuse(value, where, "true or false")


def number(*, above: float = -math.inf, whole: bool = False) -> Rule:
    """A finite number greater than `above`, and an integer where it is `whole`."""
    kinds, words = ((int,), "an integer") if whole else ((int, float), "a finite number")

    def rule(value: Any, where: str) -> None:
        right = isinstance(value, kinds) and not isinstance(value, bool)
        # An integer of JSON has any number of digits, and is compared before a float is made of it.
        if not right or not above < value <= _GREATEST or not value >= -_GREATEST:
            _refuse(value, where, words + (f" above {above:g}" if above > -math.inf else ""))

    return rule


def one_of(*known: str) -> Rule:
    """One of the words."""

    def rule(value: Any, where: str) -> None:
        if not isinstance(value, str) or value not in known:
            _refuse(value, where, f"one of {', '.join(known)}")

    return rule


def nullable(inner: Rule) -> Rule:
    """Null, or what `inner` says."""

    def rule(value: Any, where: str) -> None:
        if value is not None:
            inner(value, where)

    return rule


def listing(inner: Rule, *, least: int = 0, most: float = math.inf) -> Rule:
    """A list of `least` to `most` values, each as `inner` says."""

    def rule(value: Any, where: str) -> None:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            count = f"of {least} to {most} values" if most < math.inf else f"of at least {least} values"
            _refuse(value, where, f"a list {count}" if least else "a list")
        for place, entry in enumerate(value):
            inner(entry, f"{where}[{place}]")

    return rule


def mapping(inner: Rule) -> Rule:
    """An object with any keys, each value as `inner` says."""

    def rule(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            _refuse(value, where, "an object")
        for key, entry in value.items():
            inner(entry, f"{where}.{key}")

    return rule


def record(
    required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None, *, closed: bool = True
) -> Rule:
    """An object with these keys and, where it is not `closed`, any others."""
    known = {**required, **(optional or {})}

    def rule(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            _refuse(value, where, "an object")
        if missing := [key for key in required if key not in value]:
            raise UsageError(f"{where}: has no {missing[0]!r}")
        if closed and (unknown := [key for key in value if key not in known]):
            raise UsageError(f"{where}: has an unknown field {unknown[0]!r}")
        for key in known.keys() & value.keys():
            known[key](value[key], f"{where}.{key}")

    return rule


def _refuse(value: Any, where: str, must: str) -> NoReturn:
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    raise UsageError(f"{where}: is {shown}, must be {must}")


def _size(value: Any, where: str) -> None:
    """Pixels: the side of a square, or height and width."""
    sides = value if isinstance(value, list | tuple) and len(value) == 2 else [value]
    if any(type(side) is not int for side in sides):
        _refuse(value, where, "an integer, or two for height and width")


# `ModelSpec.to_json()`, in manifests and in the headers of checkpoints.
SPEC = record(
    {
        "name": text,
        "preprocess": record(
            {
                "size": _size,
                "resize": _size,
                "mean": listing(number(), least=1, most=3),
                "std": listing(number(above=0), least=1, most=3),
                "interpolation": text,
            }
        ),
        "labels": record({"names": listing(text)}, {"ids": listing(text)}),
        "origin": record({"source": text, "description": text, "sha256": text}, {"averaged": boolean}),
    }
)
