"""The command that makes a bundle again."""

import os
import shlex
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from ..request import ConvertRequest

_NAMES = {"processors": "for"}
_ELSEWHERE = {"model", "to", "int8", "precision", "out", "pipeline", "overwrite", "all_or_nothing"}
_SIZES = {"imgsz", "resize"}


def command(request: ConvertRequest, target: str, precision: str) -> str | None:
    """The command for one of the files that were asked for; None for a model that was in memory."""
    if not isinstance(request.model, str | os.PathLike):
        return None
    words = ["edgewise", "export", os.fspath(request.model), "--to", target]
    words += ["--int8"] if request.int8 and request.precision is None else ["--precision", precision]
    for field in fields(request):
        value = getattr(request, field.name)
        if field.name not in _ELSEWHERE and value != field.default:
            words += _option(field.name, value)
    return shlex.join(words)


def _option(name: str, value: Any) -> list[str]:
    option = _NAMES.get(name, name).replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    if isinstance(value, str | os.PathLike) or not isinstance(value, Iterable):
        return [f"--{option}", os.fspath(value) if isinstance(value, os.PathLike) else f"{value}"]
    return [f"--{option}", ("x" if name in _SIZES else ",").join(map(str, value))]
