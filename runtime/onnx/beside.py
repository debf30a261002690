"""The files that an .onnx file takes its weights from: ONNX calls them external data. Needs no library.

The file is a message in the wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding),
whose fields `onnx.proto` numbers. The `onnx` package would read it, but devices do without that.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

from ...models.errors import EdgewiseError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10

# The fields of each message that lead to tensors, by their numbers.
_WAYS = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
    "Tensor": {13: "Entry"},
    "Entry": {},
}
_KEY, _VALUE, _LOCATION = 1, 2, b"location"


def files_beside(path: Path) -> tuple[str, ...]:
    """The files, as the .onnx file names them, that tensors in it are stored in.

    Raises:
        EdgewiseError: it is not a message of Protocol Buffers.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return tuple(sorted(set(_named(data, "Model", 0, len(data)))))
    except (IndexError, ValueError, RecursionError) as error:
        raise EdgewiseError(f"{path.name}: is not an ONNX file; export it again") from error


def _named(data: mmap.mmap, message: str, start: int, end: int) -> Iterator[str]:
    """The locations of external data in the message between two positions."""
    ways, texts = _WAYS[message], {}
    for number, kind, first, last in _fields(data, start, end):
        if kind == _BYTES and number in ways:
            yield from _named(data, ways[number], first, last)
        elif kind == _BYTES and message == "Entry":
            texts[number] = data[first:last]
    if texts.get(_KEY) == _LOCATION:
        yield texts.get(_VALUE, b"").decode(errors="replace")


def _fields(data: mmap.mmap, place: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The number, wire type, start and end of the content of each field."""
    while place < end:
        tag, place = _varint(data, place)
        number, kind = tag >> 3, tag & 7
        start = place
        if kind == _VARINT:
            _, place = _varint(data, place)
        elif kind == _BYTES:
            length, start = _varint(data, place)
            place = start + length
        else:
            place += _FIXED.get(kind, end)  # groups are not in use since 2011
        if place > end:
            raise ValueError(f"a field ends at {place}, after its message")
        yield number, kind, start, place


def _varint(data: mmap.mmap, place: int) -> tuple[int, int]:
    """The integer at `place`, seven bits a byte, and the position after it."""
    value = 0
    for count in range(_LONGEST_VARINT):
        byte = data[place + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, place + count + 1
    raise ValueError("an integer is longer than 10 bytes")
