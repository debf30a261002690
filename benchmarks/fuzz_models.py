"""Model files whose format is right and whose values are others, for `fuzz_mutations.py`."""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from fuzz_values import other_value, places

from edgewise.export.tflite.flatbuffer import pack, unpack

_TRIES = 50  # of a value that the format cannot hold
_NUMBER_CHOICES = (0, 1, -1, 2, 127, 255, 1 << 16, (1 << 31) - 1, -(1 << 31), 0.5, 1e30, float("nan"))
_OF_A_VECTOR = 4  # places that are considered
_XML_VALUE = re.compile(rb'"([^"<>]*)"|>([^<>\s][^<>]*)<')


def with_other_values(suffix: str) -> Callable[[bytes, random.Random], bytes] | None:
    """What changes the values of a file with this suffix; None where only its bytes can be changed."""
    return {".onnx": _in_onnx, ".tflite": _in_tflite, ".xml": _in_xml}.get(suffix)


def _in_onnx(content: bytes, draw: random.Random) -> bytes:
    """Another value, or one moved or missing, as the JSON form of the protocol buffer has them."""
    import onnx
    from google.protobuf.json_format import MessageToDict, ParseDict  # type: ignore[import-untyped]

    for _ in range(_TRIES):
        model = MessageToDict(onnx.ModelProto.FromString(content))
        holder, key = draw.choice([*places(model)])
        kind = draw.random()
        if kind < 0.2:
            del holder[key]
        elif kind < 0.4 and isinstance(holder[key], list):
            draw.shuffle(holder[key])
        else:
            holder[key] = other_value(holder[key], draw)
        with suppress(Exception):  # the format has no place for it
            return bytes(ParseDict(model, onnx.ModelProto()).SerializeToString())
    return content[:-1]


def _in_tflite(content: bytes, draw: random.Random) -> bytes:
    """Another number, or one moved or missing, in one of the tables of the flat buffer."""
    for _ in range(_TRIES):
        model = unpack(content)
        holder, key = draw.choice([*_fields(model)])
        kind = draw.random()
        with suppress(Exception):  # the format has no place for it
            if kind < 0.15 and not isinstance(holder, list | np.ndarray):
                setattr(holder, key, None)
            elif kind < 0.3 and isinstance(holder, list):
                holder.append(holder[draw.randrange(len(holder))])
            elif isinstance(holder, list | np.ndarray):
                holder[key] = draw.choice(_NUMBER_CHOICES)
            else:
                setattr(holder, key, draw.choice(_NUMBER_CHOICES))
            return pack(model)
    return content[:-1]


def _fields(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a table's tree that holds a number: its holder and its name or index."""
    for key, inner in list(enumerate(value) if isinstance(value, list) else vars(value).items()):
        if isinstance(inner, bool | int | float | np.generic):
            yield value, key
        elif isinstance(inner, np.ndarray) and not isinstance(value, list):
            vector = inner.copy()  # which can be written to
            setattr(value, key, vector)
            yield from ((vector, index) for index in range(min(len(vector), _OF_A_VECTOR)))
        elif isinstance(inner, list) or hasattr(inner, "__dict__"):
            yield from _fields(inner)


def _in_xml(content: bytes, draw: random.Random) -> bytes:
    """Another attribute or text, often one that stands elsewhere in the file."""
    found = [*_XML_VALUE.finditer(content)]
    old = draw.choice(found)
    group = 1 if old[1] is not None else 2
    kind = draw.random()
    if kind < 0.4:
        other = draw.choice(found)
        new = other[1] if other[1] is not None else other[2]
    elif old[group].lstrip(b"-").isdigit():
        new = str(other_value(int(old[group]), draw))[:1000].encode("utf-8", "replace")
    else:
        new = str(other_value(old[group].decode(), draw))[:1000].encode("utf-8", "replace")
    return content[: old.start(group)] + new + content[old.end(group) :]
