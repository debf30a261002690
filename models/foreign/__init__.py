"""Defaults for model files without metadata, and the notices that tell the user about them."""

import hashlib
import re
from pathlib import Path

from .. import imagenet
from ..announcements import assumptions
from ..errors import UsageError
from ..images import sha256_of
from ..overrides import Overrides
from ..spec import RGB, ModelSpec, Origin, Preprocess

_CROP = 224 / 256  # the usual crop, relative to the shorter side


def name_of(path: Path) -> str:
    """The name for a bundle made from this file: its stem, as a plain file name."""
    name = path.resolve().name if path.is_dir() else path.stem
    return re.sub(r"[^\w.+-]+", "-", name).strip(".-") or "model"


def describe(path: Path, preprocess: Preprocess, classes: int, overrides: Overrides) -> ModelSpec:
    """The spec of the model in `path`, which has `classes` outputs."""
    origin = Origin("file", path.name, _sha256(path))
    return overrides.apply(
        ModelSpec(name_of(path), preprocess, imagenet.assumed_labels(classes), origin), classes
    )


def usual(size: int, mean: RGB, std: RGB) -> Preprocess:
    """A centre crop of `size` pixels with the usual ratio between crop and resize."""
    return Preprocess(size, round(size / _CROP), mean, std)


def size_of(found: int | None, path: Path, overrides: Overrides) -> int:
    """The side of the input in pixels: `found` in the file, or set with --imgsz.

    Raises:
        UsageError: neither is known, or they differ.
    """
    if found is None and overrides.imgsz is None:
        raise UsageError(f"{path}: accepts pictures of any size; set the side in pixels with --imgsz")
    if None not in (found, overrides.imgsz) and found != overrides.imgsz:
        raise UsageError(f"--imgsz {overrides.imgsz}: {path} takes {found} x {found} pixels; omit --imgsz")
    return found or overrides.imgsz or 0


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
