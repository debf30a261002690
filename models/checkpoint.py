"""Reads and writes weight files without ever running code from them.

edgewise writes safetensors files with the `ModelSpec` and the training record in the header. Files from
elsewhere may be safetensors or `.pth` state dicts, which are only opened with `torch.load(weights_only=True)`
(CVE-2025-32434, CVE-2026-24747: the restricted unpickler is safe since torch 2.10).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._pickles import read_pth
from .errors import EdgewiseError, UsageError
from .files import write_file
from .images import sha256_of
from .spec import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

CHECKPOINT = "model.safetensors"  # in the folder of a run of `edgewise train`

_HEADER = "edgewise"
_WRAPPERS = ("state_dict", "model_state_dict", "model")  # the usual entry for the weights, by preference


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tensors by name in float32, the file's sha256, and for edgewise's own files the spec and record.

    `states` has all state dicts of the file by the entry that holds each, `tensors` first; their names are
    those in the file. The entry is '' if the file is a state dict itself.
    """

    states: dict[str, dict[str, "torch.Tensor"]]
    sha256: str
    spec: ModelSpec | None = None
    record: dict[str, Any] | None = None

    @property
    def tensors(self) -> dict[str, "torch.Tensor"]:
        """The state dict that a file is usually saved for."""
        return next(iter(self.states.values()))


def save(path: Path, weights: "Mapping[str, torch.Tensor]", spec: ModelSpec, record: dict[str, Any]) -> None:
    """Write a state dict atomically as safetensors, with `spec` and `record` in the header."""
    from safetensors.torch import save as packed

    header = json.dumps({"spec": spec.to_json(), "record": record}, sort_keys=True)
    tensors = {name: tensor.contiguous() for name, tensor in weights.items()}
    write_file(path, packed(tensors, metadata={_HEADER: header}))


def load(path: Path) -> Checkpoint:
    """Read an edgewise checkpoint or a state dict from elsewhere.

    Raises:
        UsageError: the file does not exist.
        EdgewiseError: it contains anything but named tensors.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such weights file")
    header, content = _read_safetensors(path) if path.suffix == ".safetensors" else ({}, read_pth(path))
    states = {
        entry: {name: _widen(tensor) for name, tensor in tensors.items()}
        for entry, tensors in _states(path, content).items()
    }
    try:
        spec = ModelSpec.from_json(header["spec"]) if header else None
    except (KeyError, UsageError) as error:
        raise EdgewiseError(
            f"{path}: not a valid edgewise header; train the model or copy it again"
        ) from error
    return Checkpoint(states, sha256_of(path), spec, header.get("record"))


def _widen(tensor: "torch.Tensor") -> "torch.Tensor":
    return tensor.float() if tensor.is_floating_point() else tensor


def _read_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, "torch.Tensor"]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get(_HEADER, "{}"))
            return dict(header), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, TypeError, ValueError, RecursionError) as error:
        raise EdgewiseError(f"{path}: not a safetensors file ({error})") from error


def _states(path: Path, content: Any) -> "dict[str, dict[str, torch.Tensor]]":
    """The state dicts in a file by the entry that holds each, the usual one first; '' if it is one itself."""
    if not isinstance(content, dict) or not content:
        raise EdgewiseError(f"{path}: contains a {type(content).__name__}, not a state dict of named tensors")
    found = {str(entry): inner for entry, inner in content.items() if _is_state(inner)}
    if found and not _is_state(content):
        usual = [entry for entry in _WRAPPERS if entry in found]
        return {entry: found[entry] for entry in dict.fromkeys([*usual, *found])}
    for name, value in content.items():
        if not _is_tensor(name, value):
            raise EdgewiseError(f"{path}: entry {name!r} is not a named tensor; save only model.state_dict()")
    return {"": content}


def _is_state(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(_is_tensor(*entry) for entry in value.items())


def _is_tensor(name: Any, value: Any) -> bool:
    import torch

    return isinstance(name, str) and isinstance(value, torch.Tensor)
