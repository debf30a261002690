"""Reads and writes weight files without ever running code from them.

edgewise writes safetensors files with the `ModelSpec` and the training record in the header. Files from
elsewhere may be safetensors or `.pth` state dicts, which are only opened with `torch.load(weights_only=True)`
(CVE-2025-32434, CVE-2026-24747: the restricted unpickler is safe since torch 2.10).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import EdgewiseError, UsageError
from .files import write_file
from .images import sha256_of
from .spec import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

CHECKPOINT = "model.safetensors"  # in the folder of a run of `edgewise train`

_HEADER = "edgewise"
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.", "model.")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tensors by name in float32, the file's sha256, and for edgewise's own files the spec and record."""

    tensors: dict[str, "torch.Tensor"]
    sha256: str
    spec: ModelSpec | None = None
    record: dict[str, Any] | None = None


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
    header, content = _read_safetensors(path) if path.suffix == ".safetensors" else ({}, _read_pth(path))
    tensors = {name: _widen(tensor) for name, tensor in _named_tensors(path, content).items()}
    try:
        spec = ModelSpec.from_json(header["spec"]) if header else None
    except (KeyError, UsageError) as error:
        raise EdgewiseError(
            f"{path}: not a valid edgewise header; train the model or copy it again"
        ) from error
    return Checkpoint(tensors, sha256_of(path), spec, header.get("record"))


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


def _read_pth(path: Path) -> Any:
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises almost anything on a damaged file
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EdgewiseError(
            f"{path}: not a plain state dict, and edgewise never runs code from a weights file "
            f"({reason[:160]}); save it with torch.save(model.state_dict(), path) or as safetensors"
        ) from error
    wrapped = (content[key] for key in _WRAPPERS if isinstance(content, dict) and key in content)
    return next((inner for inner in wrapped if isinstance(inner, dict)), content)


def _named_tensors(path: Path, content: Any) -> dict[str, "torch.Tensor"]:
    import torch

    if not isinstance(content, dict) or not content:
        raise EdgewiseError(f"{path}: contains a {type(content).__name__}, not a state dict of named tensors")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise EdgewiseError(f"{path}: entry {name!r} is not a named tensor; save only model.state_dict()")
    return _strip_prefix(content)


def _strip_prefix(tensors: dict[str, "torch.Tensor"]) -> dict[str, "torch.Tensor"]:
    """Remove the prefixes that DataParallel, torch.compile and training wrappers add to every name."""
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            return _strip_prefix({name.removeprefix(prefix): value for name, value in tensors.items()})
    return tensors
