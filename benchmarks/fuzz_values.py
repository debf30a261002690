"""Other values in place of those of a document, for `fuzz_mutations.py`."""

import random
import string
from typing import Any

_NUMBERS = (0, -1, 1, 2, 255, 1 << 31, 1 << 63, 10**400, 0.5, -0.0, 1e30, 1e-30, 1e308)
TEXTS = (
    "",
    "\0",
    "\x1b[2J",
    "..",
    "../../etc/passwd",
    "net.py:f",
    "NaN",
    "{",
    "n" * 100_000,
    "ant",
    "☃",
    "w8a8",
)
_OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"a": {}}, [0] * 5, {"": 0})


def places(value: Any) -> Any:
    """Every place in a JSON value: its holder and key."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def other_value(old: Any, draw: random.Random) -> Any:
    """A value near the old one, or one that often is not expected."""
    kind = draw.random()
    if kind < 0.3 and isinstance(old, int | float):
        return draw.choice((old + 1, old - 1, -old, old * 2, old / 3, str(old)))
    if kind < 0.3 and isinstance(old, str) and old:
        place = draw.randrange(len(old))
        return old[:place] + draw.choice(string.printable) + old[place + 1 :]
    return draw.choice((draw.choice(_NUMBERS), draw.choice(TEXTS), draw.choice(_OTHERS)))
