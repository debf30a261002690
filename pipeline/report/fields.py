"""Read a manifest that may be old, incomplete or hostile: what is not there, or of another type, is None."""

import math
from collections.abc import Iterator
from typing import Any

from ...models.printable import printable


class Fields:
    """The values of one JSON object, by their path in it."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def at(self, *path: str) -> Any:
        """The value as it is."""
        found = self._data
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def text(self, *path: str) -> str | None:
        """Text without control characters."""
        found = self.at(*path)
        return printable(found) if isinstance(found, str) else None

    def number(self, *path: str) -> float | None:
        """A finite number."""
        found = self.at(*path)
        if not isinstance(found, int | float) or isinstance(found, bool):
            return None
        try:
            return float(found) if math.isfinite(found) else None
        except OverflowError:  # an integer of hundreds of digits
            return None

    def count(self, *path: str) -> int | None:
        """A whole number."""
        found = self.number(*path)
        return int(found) if found is not None and found == int(found) else None

    def under(self, *path: str) -> "Fields":
        """The object at the path; an empty one if there is none."""
        return Fields(self.at(*path))

    def rows(self, *path: str) -> list["Fields"]:
        """The objects in a list."""
        found = self.at(*path)
        return [Fields(row) for row in found if isinstance(row, dict)] if isinstance(found, list) else []

    def texts(self, *path: str) -> list[str]:
        """The texts in a list."""
        found = self.at(*path)
        return [printable(row) for row in found if isinstance(row, str)] if isinstance(found, list) else []

    def items(self, *path: str) -> Iterator[tuple[str, "Fields"]]:
        """The objects in an object, with their names."""
        found = self.at(*path)
        for name, value in found.items() if isinstance(found, dict) else ():
            yield printable(name), Fields(value)

    def __bool__(self) -> bool:
        return isinstance(self._data, dict) and bool(self._data)
