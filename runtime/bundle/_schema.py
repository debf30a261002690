"""What a manifest's sections must look like where something reads them."""

import re
from typing import Any

from ...models.errors import EdgewiseError, UsageError
from ...models.schema import (
    SPEC,
    boolean,
    listing,
    mapping,
    nullable,
    number,
    one_of,
    record,
    text,
)
from .atomic import MANIFEST

_SHA256 = re.compile("[0-9a-f]{64}")


def _digest(value: Any, where: str) -> None:
    text(value, where)
    if not _SHA256.fullmatch(value):
        raise UsageError(f"{where}: must be 64 hexadecimal digits")


_FILE = record({"sha256": _digest, "size_bytes": number(above=-1, whole=True)})
_TENSOR = record(
    {"name": text, "dtype": text, "shape": listing(number(whole=True))},
    {"scale": nullable(number(above=0)), "zero_point": nullable(number(whole=True))},
)
_VERDICTS = ("pass", "fail", "unproven", "inconclusive")
_SECTIONS = record(
    {"spec": SPEC, "files": mapping(_FILE)},
    {
        "calibration": nullable(record({}, {"files": listing(text)}, closed=False)),
        "verification": nullable(
            record({}, {"verdict": nullable(one_of(*_VERDICTS)), "passed": boolean}, closed=False)
        ),
        "structure": nullable(
            record(
                {},
                {
                    "inputs": listing(_TENSOR),
                    "outputs": listing(_TENSOR),
                    "output_step": nullable(number(above=0)),
                },
                closed=False,
            )
        ),
        "documents": nullable(mapping(_FILE)),
        "versions": nullable(mapping(nullable(text))),
        "processors": nullable(
            record({}, {"made_for": listing(text), "verdict_holds_for": listing(text)}, closed=False)
        ),
        "training": nullable(mapping(lambda _value, _where: None)),
    },
    closed=False,
)


def check(manifest: dict[str, Any]) -> None:
    """Raise an `EdgewiseError` unless all values that are read have the right type and range."""
    try:
        _SECTIONS(manifest, MANIFEST)
    except UsageError as error:
        raise EdgewiseError(str(error).replace(f"{MANIFEST}.", f"{MANIFEST}: ", 1)) from error
