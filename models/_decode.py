"""Decodes picture files to RGB, whatever their colour mode, bit depth and orientation. Needs no torch."""

import io
import math
import re
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TypeVar

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError, features

Used = TypeVar("Used")

_HEIF_PLUGINS = ("pillow_heif", "pi_heif")  # either; Pillow itself cannot read what iPhones save
_GREYS = {"1", "L", "LA", "I;16", "I;16B"}
_WITHOUT_RANGE = ("F", "I")  # 32-bit greyscale: nothing defines which value is white
_LONGEST = 100  # largest aspect ratio; resizing a longer strip would exhaust the memory
_MOST_PIXELS = 128 << 20  # decoded at a time, of up to 11 bytes while they are converted
_FRAMES = {"GIF": "animated", "PNG": "animated", "WEBP": "animated", "TIFF": "multi-page"}
_BITS, _PHOTOMETRIC, _ORIENTATION = 258, 262, ExifTags.Base.Orientation  # TIFF tags
_TURNED = range(2, 9)
_BROKEN_METADATA = (EOFError, LookupError, OSError, SyntaxError, TypeError, ValueError, struct.error)


@cache
def formats() -> dict[str, tuple[str, ...]]:
    """The formats that are read, by Pillow's names, with the extensions of their files.

    Pillow looks at the content, not the file name, and would also open PostScript, which runs code. AVIF and
    HEIF are read where Pillow was built with AVIF, and where a plugin for HEIF is installed.
    """
    known = {
        "BMP": (".bmp",),
        "GIF": (".gif",),
        "JPEG": (".jpeg", ".jpg", ".jfif"),
        "PNG": (".png",),
        "TIFF": (".tif", ".tiff"),
        "WEBP": (".webp",),
    }
    if features.check("avif"):
        known["AVIF"] = (".avif",)
    for plugin in _HEIF_PLUGINS:
        if find_spec(plugin):
            import_module(plugin).register_heif_opener()
            return known | {"HEIF": (".heic", ".heif")}
    return known


def decode(content: bytes, use: Callable[[Image.Image, tuple[str, ...]], Used]) -> Used:
    """Decode the first frame, with EXIF orientation applied and alpha dropped, and list what was converted.

    `use` gets both, and what it returns is returned. Until then, other threads decode no more pictures than
    fit into memory beside this one. Decoders can raise almost any exception.

    It takes bytes, not a path, because Pillow memory-maps an uncompressed TIFF with its width and height
    already rotated, which garbles it.
    """
    with _quiet():
        opened = Image.open(io.BytesIO(content), formats=[*formats()])
    with _room(math.prod(opened.size)), opened:
        return use(*_first(opened))


def _first(file: ImageFile.ImageFile) -> tuple[Image.Image, tuple[str, ...]]:
    with _quiet():
        kinds = [*_stored_as(file)]
        rgb, turned = _converted(file)
        kinds += ["EXIF-rotated"] * turned + ["alpha"] * file.has_transparency_data
        with suppress(*_BROKEN_METADATA):  # a later frame may be damaged, but only the first is needed
            if file.format in _FRAMES and getattr(file, "is_animated", False):
                kinds.append(_FRAMES[file.format])
        return rgb, tuple(kinds)


def as_rgb(image: Image.Image) -> Image.Image:
    """Convert an image that Pillow has opened, as `decode` does; raises like it."""
    with _quiet():
        return _converted(image)[0]


def reason(error: Exception) -> str:
    """Describe an error raised by `decode` or by reading the file."""
    if isinstance(error, UnidentifiedImageError):  # its own message shows the repr of a Python object
        return f"not one of {', '.join(formats())}"
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _converted(file: Image.Image) -> tuple[Image.Image, bool]:
    """The image as RGB, and whether it was rotated."""
    _refuse_odd(file)
    image, turned = _upright(file)
    return _eight_bits(file, image).convert("RGB"), turned


def _refuse_odd(file: Image.Image) -> None:
    if file.mode in _WITHOUT_RANGE:
        raise ValueError(f"32-bit greyscale without a defined range, mode {file.mode!r}")
    if max(file.size) > _LONGEST * min(file.size):
        raise ValueError(f"a strip of {file.width} by {file.height} pixels")


def _stored_as(file: Image.Image) -> Iterator[str]:
    """How an opened but not yet decoded file stores its pixels."""
    tiles = file.tile if isinstance(file, ImageFile.ImageFile) else []
    raw = str(tiles[0].args) if tiles else ""  # such as 'LA;16B', alone or first in a tuple; WebP has none
    if file.mode in _GREYS or "LA;16" in raw:
        yield "grey"
    if file.mode in {"P", "PA"}:
        yield "palette"
    if file.mode == "CMYK":
        yield "CMYK"
    if file.format in {"PNG", "TIFF"} and re.search(";1[26]", raw):
        yield "16-bit"


def _upright(file: Image.Image) -> tuple[Image.Image, bool]:
    """The decoded picture with its orientation applied, and whether that changed it."""
    before = getattr(file, "tag_v2", {}).get(_ORIENTATION)
    file.load()  # Pillow rotates a TIFF here and drops its orientation tag
    try:
        found = file.getexif().get(_ORIENTATION)
        if found in _TURNED:  # otherwise it would be copied
            return ImageOps.exif_transpose(file), True
    except _BROKEN_METADATA:  # the pixels are still usable
        return file, False
    return file, found is None and before in _TURNED


def _eight_bits(file: Image.Image, image: Image.Image) -> Image.Image:
    """Keep the upper 8 bits of 12- or 16-bit greyscale; Pillow would clip at 255."""
    if not image.mode.startswith("I;16"):
        return image
    tags = getattr(file, "tag_v2", {})
    levels = (np.asarray(image) >> tags.get(_BITS, (16,))[0] - 8).astype(np.uint8)
    white_is_zero = tags.get(_PHOTOMETRIC) == 0  # Pillow handles this for up to 8 bits only
    return Image.fromarray(255 - levels if white_is_zero else levels)


_changed, _taken = threading.Condition(), 0


@contextmanager
def _room(pixels: int) -> Iterator[None]:
    """Wait until the pictures that all threads hold at once have few enough pixels; one alone always may."""
    global _taken  # noqa: PLW0603 - memory is of the whole process
    with _changed:
        _changed.wait_for(lambda: not _taken or _taken + pixels <= _MOST_PIXELS)
        _taken += pixels
    try:
        yield
    finally:
        with _changed:
            _taken -= pixels
            _changed.notify_all()


_lock, _inside, _guard = threading.Lock(), 0, warnings.catch_warnings()


@contextmanager
def _quiet() -> Iterator[None]:
    """Ignore warnings about large pictures (Pillow's hard limit still applies), odd metadata, dropped alpha.

    Threads share the warning filters, so the first to enter sets them and the last to leave restores them.
    """
    global _inside, _guard  # noqa: PLW0603 - the filters are global too
    with _lock:
        if not _inside:
            _guard = warnings.catch_warnings(action="ignore")
            _guard.__enter__()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _guard.__exit__(None, None, None)
