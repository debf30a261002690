"""Dataclasses from the JSON of a file: untrusted input, so every value must have the type of its field."""

import math
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from ...models.errors import UsageError

_T = TypeVar("_T")
_SHOWN = 40  # characters of a wrong value
_MOST = 1e300  # an integer of JSON has any number of digits


def typed(kind: type[_T], value: Any, where: str) -> _T:
    """`value` as an object of the dataclass `kind`; fields that it does not have are ignored.

    Raises:
        UsageError: a field is missing, or a value has another type or is not finite; `where` names the place.
    """
    return cast(_T, _read(kind, value, where))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, value: Any, where: str) -> Any:
    origin, parts = get_origin(kind), get_args(kind)
    if origin is UnionType:  # of one type and None
        (inner,) = (part for part in parts if part is not type(None))
        return None if value is None else _read(inner, value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_read(parts[0], one, f"{where}[{place}]") for place, one in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {key: _read(parts[1], one, f"{where}.{key}") for key, one in value.items()}
    if is_dataclass(kind) and isinstance(value, dict):
        return _object(cast(type, kind), value, where)
    if kind is float and type(value) in {int, float} and abs(value) < _MOST and math.isfinite(value):
        return float(value)
    if kind in {str, int, bool} and type(value) is kind and not (kind is int and abs(value) >= _MOST):
        return value
    shown = repr(value)[:_SHOWN]
    name = getattr(kind, "__name__", str(kind)) if origin is None else origin.__name__
    raise UsageError(f"{where}: is {shown}, must be {name}")


def _object(kind: type, value: dict[str, Any], where: str) -> Any:
    hints = _hints(kind)
    known = [field.name for field in fields(kind)]
    if missing := [name for name in known if name not in value]:
        raise UsageError(f"{where}: has no {missing[0]!r}")
    return kind(**{name: _read(hints[name], value[name], f"{where}.{name}") for name in known})
