"""Inspect a file that may be damaged or hostile in a child process.

Parsers of model files are C++ code that trusts its input: a padding constant of -inf, or a layer without
weights, can be a segmentation fault in LiteRT. The parent only reads the first bytes.
"""

import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..export.facts import TARGETS
from ..models import errors
from ..models.errors import EdgewiseError, MissingDependencyError, UsageError
from ..models.files import require_regular
from ..models.printable import printable
from ..models.spec import Tensor32
from . import runtime
from .bundle.arrays import load_array
from .child import ChildDiedError, answering, ask, in_words
from .structure import Operator, Overflow, Structure, Tensor

_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Probed:
    """The result; `refusal` says why edgewise cannot classify pictures with a file that opens, or is None."""

    structure: Structure
    refusal: str | None = None


def target_of(path: Path) -> str:
    """The target whose runtime opens `path`, by its suffix and first bytes, which must agree.

    Raises:
        UsageError: it is not a file of a known format, or its content does not match its suffix.
    """
    try:
        require_regular(path)
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); pass a model file") from error
    suffixes = {row.suffix: name for name, row in TARGETS.items()}
    known = f"known suffixes are {', '.join(f'{suffix} ({name})' for suffix, name in suffixes.items())}"
    named, held = suffixes.get(path.suffix.lower()), _target_by(head)
    if named is None:
        hint = f"; it contains {held}, so rename it" if held else ""
        raise UsageError(f"{path}: {path.suffix or 'no suffix'} is not a model file's suffix; {known}{hint}")
    if held != named:
        found = f"contains {held}" if held else "contains something else" if head else "is empty"
        raise UsageError(f"{path}: has the suffix of {named} but {found}; {known}")
    return named


def probe(path: Path, target: str, picture: Path | None = None) -> Probed:
    """Open `path` in a child process, describe it and classify one picture.

    `picture` is a .npy file with the input, (1, H, W, C) float32; zeros are taken without it, and where it
    does not fit.

    Raises:
        EdgewiseError: the child cannot open it, crashes or does not finish in time.
        MissingDependencyError: the runtime, or a library that reads the file, is not installed.
    """
    given = [] if picture is None else [os.fspath(picture.absolute())]
    try:
        answer = ask(__name__, os.fspath(path.absolute()), target, *given)
    except ChildDiedError as error:
        raise EdgewiseError(
            f"{path.name}: crashes the {target} runtime ({error}), so it is damaged or hostile: do not use it"
        ) from error
    if "error" in answer:
        kind = getattr(errors, answer["error"], EdgewiseError)
        raise kind.__new__(kind, answer["message"])  # without __init__, which would compose its own message
    return Probed(_structure(answer["structure"]), answer["refusal"])


def main() -> None:
    """Run in the child process."""
    with answering() as answer:
        file, target, *picture = sys.argv[1:]
        json.dump(_look(Path(file), target, *map(Path, picture)), answer)


def _look(path: Path, target: str, picture: Path | None = None) -> dict[str, Any]:
    try:
        structure = runtime(target).read_structure(path)
    except MissingDependencyError as error:
        _refusal(path, target, _given(picture))  # it will be opened without being read
        return {"error": type(error).__name__, "message": printable(str(error))}
    except EdgewiseError as error:
        return {"error": type(error).__name__, "message": printable(str(error))}
    except Exception as error:  # noqa: BLE001 - engines raise many types
        said = f"{printable(path.name)}: the {target} runtime cannot read it ({in_words(error)})"
        return {"error": "EdgewiseError", "message": said}
    shape = _shape(structure)
    batch = _given(picture)
    if shape and (batch is None or batch.shape[1:] != shape):
        batch = np.zeros((1, *shape), np.float32)
    return {"structure": asdict(structure), "refusal": _refusal(path, target, batch)}


def _given(picture: Path | None) -> Tensor32 | None:
    """The input in a .npy file; None without one that can be read."""
    if picture is None:
        return None
    with suppress(EdgewiseError):
        return np.asarray(load_array(picture), np.float32)
    return None


def _refusal(path: Path, target: str, batch: Tensor32 | None) -> str | None:
    try:
        session = runtime(target).open_session(path, 1)
        if batch is not None:
            session(batch)
    except Exception as error:  # noqa: BLE001 - only a crash matters here
        return printable(str(error)) if isinstance(error, EdgewiseError) else in_words(error)
    return None


def _shape(structure: Structure) -> tuple[int, ...] | None:
    """The (height, width, channels) of the file's input; None if it does not say."""
    shape = structure.inputs[0].shape if len(structure.inputs) == 1 else ()
    if len(shape) != 4:
        return None
    sides = (*shape[2:], shape[1]) if shape[1] == 3 else shape[1:]
    return sides if min(sides) > 0 else None


def _structure(found: dict[str, Any]) -> Structure:
    """The inverse of `asdict`."""
    operators = tuple(Operator(**operator) for operator in found.pop("operators"))
    inputs, outputs = (
        tuple(Tensor(**tensor | {"shape": tuple(tensor["shape"])}) for tensor in found.pop(side))
        for side in ("inputs", "outputs")
    )
    overflow = tuple(Overflow(**layer) for layer in found.pop("overflow"))
    return Structure(operators=operators, inputs=inputs, outputs=outputs, overflow=overflow, **found)


def _target_by(head: bytes) -> str | None:
    """The target that matches the first bytes of a file."""
    return next((name for name, row in TARGETS.items() if row.recognises(head)), None)


if __name__ == "__main__":
    main()
