"""Read the standard TFLite Metadata of any .tflite file.

`metadata_schema.fbs` numbers the fields of a table from 0; a union takes two numbers, its type first.
"""

import struct
from pathlib import Path
from typing import TYPE_CHECKING

from ...models.errors import EdgewiseError

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import Model

_IDENTIFIER, _EXTERNAL_BUFFER_GROUPS = b"TFL3", 8  # of the file, and of Model in `schema.fbs`
_ENTRY, _RUNTIME = "TFLITE_METADATA", "min_runtime_version"
_TEXTS = {"name": 0, "description": 1, "version": 2, "author": 4, "license": 5}  # of ModelMetadata
_SUBGRAPHS, _INPUTS, _OUTPUTS = 3, 2, 3
_PROCESS_UNITS, _FILES = 4, 6  # of TensorMetadata
_NORMALIZATION, _LABELS = 1, (2, 3)  # ProcessUnitOptions; AssociatedFileType for axis labels and value labels


def metadata(model: "Model") -> dict[str, str]:
    """The metadata that is present: texts, label files, normalisation, minimum runtime version.

    Raises:
        EdgewiseError: the metadata cannot be read.
    """
    found = {}
    try:
        entries = {}
        for index in range(model.MetadataLength()):
            entry = model.Metadata(index)
            entries[entry.Name().decode()] = model.Buffers(entry.Buffer()).DataAsNumpy()
        if _ENTRY in entries:
            found = _read(entries[_ENTRY].tobytes())
        if _RUNTIME in entries:
            found[_RUNTIME] = entries[_RUNTIME].tobytes().rstrip(b"\0").decode()
    except (struct.error, ValueError, AttributeError, IndexError) as error:
        raise EdgewiseError(f"the TFLite metadata is damaged ({error}); export the file again") from error
    return {key: text for key, text in found.items() if text}


def files_beside(path: Path) -> tuple[str, ...]:
    """The files that the .tflite file names as external buffers of weights (`schema.fbs`).

    Raises:
        EdgewiseError: its first table cannot be read.
    """
    content = path.read_bytes()
    if content[4:8] != _IDENTIFIER:
        return ()  # LiteRT does not open it
    try:
        groups = _Table(content, 0).follow(0).tables(_EXTERNAL_BUFFER_GROUPS)
        return tuple(group.text(0) for group in groups)
    except (struct.error, ValueError, IndexError) as error:
        raise EdgewiseError(f"{path.name}: is a damaged TFLite file; export it again") from error


def _read(data: bytes) -> dict[str, str]:
    root = _Table(data, 0).follow(0)
    found = {key: root.text(number) for key, number in _TEXTS.items()}
    graphs = root.tables(_SUBGRAPHS)
    inputs = [tensor for graph in graphs for tensor in graph.tables(_INPUTS)]
    outputs = [tensor for graph in graphs for tensor in graph.tables(_OUTPUTS)]
    files = [file for tensor in outputs for file in tensor.tables(_FILES)]
    units = [unit for tensor in inputs for unit in tensor.tables(_PROCESS_UNITS)]
    found["labels"] = ", ".join(file.text(0) for file in files if file.byte(2) in _LABELS)
    found["normalisation"] = ", ".join(
        f"(pixel - {_words(unit.table(1).floats(0))}) / {_words(unit.table(1).floats(1))}"
        for unit in units
        if unit.byte(0) == _NORMALIZATION
    )
    return found


def _words(numbers: tuple[float, ...]) -> str:
    texts = [f"{number:g}" for number in numbers]
    return texts[0] if len(set(texts)) == 1 else f"({', '.join(texts)})"


class _Table:
    """A table in a FlatBuffer; an absent field is 0, empty or a table without fields."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data, self._place = data, place

    def text(self, number: int) -> str:
        start, length = self._vector(number)
        return self._data[start : start + length].decode()

    def byte(self, number: int) -> int:
        place = self._field(number)
        return self._data[place] if place else 0

    def floats(self, number: int) -> tuple[float, ...]:
        start, length = self._vector(number)
        return struct.unpack_from(f"<{length}f", self._data, start)

    def table(self, number: int) -> "_Table":
        return self.follow(self._field(number))

    def tables(self, number: int) -> list["_Table"]:
        start, length = self._vector(number)
        return [self.follow(start + 4 * index) for index in range(length)]

    def follow(self, place: int) -> "_Table":
        """The table that the offset at `place` points to."""
        return _Table(self._data, place + self._int("<I", place))

    def _vector(self, number: int) -> tuple[int, int]:
        """The position and length of a string or vector."""
        place = self._field(number)
        if not place:
            return 0, 0
        start = place + self._int("<I", place)
        return start + 4, self._int("<I", start)

    def _field(self, number: int) -> int:
        table = self._place - self._int("<i", self._place)
        entry = 4 + 2 * number
        offset = self._int("<H", table + entry) if entry < self._int("<H", table) else 0
        return self._place + offset if offset else 0

    def _int(self, kind: str, place: int) -> int:
        return int(struct.unpack_from(kind, self._data, place)[0])
