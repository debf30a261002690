"""Defaults for model files without metadata, and the notices that tell the user about them."""

import hashlib
import re
from pathlib import Path

from .. import imagenet
from ..announcements import assumptions
from ..errors import UsageError
from ..images import sha256_of
from ..overrides import Overrides
from ..sizes import Size, both, simplest, written
from ..spec import ModelSpec, Origin, PerChannel, Preprocess

_CROP = 224 / 256  # the usual crop, relative to the shorter side


def name_of(path: Path) -> str:
    """The name for a bundle made from this file: its stem, as a plain file name."""
    name = path.resolve().name if path.is_dir() else path.stem
    return re.sub(r"[^\w.+-]+", "-", name).strip(".-") or "model"


def describe(path: Path, preprocess: Preprocess, outputs: int, overrides: Overrides) -> ModelSpec:
    """The spec of the model in `path`, which has that number of outputs."""
    origin = Origin("file", path.name, _sha256(path))
    return overrides.apply(
        ModelSpec(name_of(path), preprocess, imagenet.assumed_labels(outputs), origin), outputs
    )


def usual(size: Size, mean: PerChannel, std: PerChannel) -> Preprocess:
    """A centre crop with the usual ratio between crop and resize; the whole picture if it is not square."""
    return Preprocess(size, round(size / _CROP) if isinstance(size, int) else size, mean, std)


def size_of(found: Size | None, path: Path, overrides: Overrides) -> Size:
    """The size of the input in pixels: `found` in the file, or set with --imgsz.

    Raises:
        UsageError: neither is known, or they differ.
    """
    asked = overrides.imgsz
    if found is None:
        if asked is None:
            raise UsageError(f"{path}: accepts pictures of any size; set it in pixels with --imgsz")
        return simplest(asked)
    if asked is not None and both(found) != both(asked):
        height, width = both(found)
        raise UsageError(f"--imgsz {written(asked)}: {path} takes {height} x {width} pixels; omit --imgsz")
    return simplest(found)


def require_channels(found: int, path: Path, overrides: Overrides) -> None:
    """Raise a `UsageError` if --channels contradicts what the file takes."""
    if overrides.channels not in {None, found}:
        kind = "grey" if found == 1 else "RGB"
        raise UsageError(f"--channels {overrides.channels}: {path} takes {kind} pictures; omit --channels")


def assumed(spec: ModelSpec, way: str, overrides: Overrides) -> list[str]:
    """See `announcements.assumptions`; the file defines the size of its input."""
    return assumptions(spec, way, overrides, ("resize", "mean", "std"))


def _sha256(path: Path) -> str:
    """The sha256 of the file, or of the names and sha256 of all files in the folder."""
    if path.is_file():
        return sha256_of(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = (f"{sha256_of(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
