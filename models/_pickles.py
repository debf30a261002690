"""Reads `.pth` files with torch's restricted unpickler, which runs no code from them."""

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any, Self

from .errors import EdgewiseError

_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_ADVICE = "save it with torch.save(model.state_dict(), path) or as safetensors"
_SHOWN = 160


class _Ignored:
    """Stands for a value beside the weights, such as a NumPy scalar: nothing of it is read."""

    def __new__(cls, *_: object) -> Self:
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


# What training scripts save beside the weights: the best accuracy as a NumPy scalar, arguments, paths.
_VALUES = (
    *(f"numpy.{core}.multiarray.{name}" for core in ("_core", "core") for name in ("scalar", "_reconstruct")),
    "numpy.dtype",
    "numpy.ndarray",
    "argparse.Namespace",
    "pathlib.Path",
    *(f"pathlib{part}.{kind}Path" for part in ("", "._local") for kind in ("Posix", "Windows")),
)
_DICTIONARIES = (
    "lightning_fabric.utilities.data.AttributeDict",
    "lightning.fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "lightning.pytorch.utilities.parsing.AttributeDict",
)


def read_pth(path: Path) -> Any:
    """What a file of `torch.save` holds, with values that are neither tensors nor plain Python left out.

    Raises:
        EdgewiseError: it is damaged, or has objects of a class that is not among those that may be left out.
    """
    import torch

    stand_ins: list[Any] = [(_Ignored, name) for name in _VALUES]
    stand_ins += [(OrderedDict, name) for name in _DICTIONARIES]
    try:
        with torch.serialization.safe_globals(stand_ins):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises almost anything on a damaged file
        raise EdgewiseError(
            f"{path}: not a plain state dict, and edgewise never runs code from a weights file "
            f"({_reason(error)}); {_ADVICE}"
        ) from error


def _reason(error: Exception) -> str:
    """Which class the unpickler has refused, or its message without torch's advice to trust the file."""
    text = re.sub(r"\x1b\[[\d;]*m", "", str(error)).strip()
    if found := _GLOBAL.search(text):
        return f"it contains a Python object, {found[1]}"
    if "TorchScript" in text:
        return "it is a TorchScript archive"
    if "weights_only" in text:  # torch's advice surrounds the reason
        text = text.partition("WeightsUnpickler error:")[2].strip()
    return text.splitlines()[0].partition(". ")[0][:_SHOWN] if text else type(error).__name__
