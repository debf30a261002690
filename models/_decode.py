"""The bytes of a picture file as RGB, whatever their colours, depth and orientation. Needs no torch."""

import io
import re
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

# Pillow goes by a file's content, not by its name; what it opens otherwise includes PostScript, which runs.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_GREYS = {"1", "L", "LA", "I;16", "I;16B"}
_WITHOUT_RANGE = ("F", "I")  # 32-bit greys: nothing says which value is white
_LONGEST = 100  # a strip longer than this many times its width would fill the memory when resized
_FRAMES = {"GIF": "animated", "PNG": "animated", "WEBP": "animated", "TIFF": "multi-page"}
_BITS, _PHOTOMETRIC, _ORIENTATION = 258, 262, ExifTags.Base.Orientation  # tags of TIFF
_TURNED = range(2, 9)
_BROKEN_METADATA = (EOFError, LookupError, OSError, SyntaxError, TypeError, ValueError, struct.error)


def decode(content: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """The first picture, turned as its EXIF says, without alpha; and in what it was unlike plain RGB.

    Of bytes, not of a path: Pillow maps an uncompressed TIFF into memory with the sides that it has after it
    is turned, which garbles it. Raises whatever a decoder raises: almost anything.
    """
    with _quiet(), Image.open(io.BytesIO(content), formats=_FORMATS) as file:
        kinds = [*_stored_as(file)]
        rgb, turned = _converted(file)
        kinds += ["EXIF-rotated"] * turned + ["alpha"] * file.has_transparency_data
        with suppress(*_BROKEN_METADATA):  # a later frame, which we need not
            if file.format in _FRAMES and getattr(file, "is_animated", False):
                kinds.append(_FRAMES[file.format])
        return rgb, tuple(kinds)


def as_rgb(image: Image.Image) -> Image.Image:
    """A picture that Pillow has opened, treated as `decode` treats one in a file; raises likewise."""
    with _quiet():
        return _converted(image)[0]


def reason(error: Exception) -> str:
    """What `decode`, or reading the file, found wrong."""
    if isinstance(error, UnidentifiedImageError):  # its own message names an object of Python
        return f"none of {', '.join(_FORMATS)}"
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _converted(file: Image.Image) -> tuple[Image.Image, bool]:
    """The picture as RGB, and whether it had to be turned."""
    _refuse_odd(file)
    image, turned = _upright(file)
    return _eight_bits(file, image).convert("RGB"), turned


def _refuse_odd(file: Image.Image) -> None:
    if file.mode in _WITHOUT_RANGE:
        raise ValueError(f"32-bit grey values, mode {file.mode!r}")
    if max(file.size) > _LONGEST * min(file.size):
        raise ValueError(f"a strip of {file.width} by {file.height} pixels")


def _stored_as(file: Image.Image) -> Iterator[str]:
    """How the pixels of a file lie there that is opened but not decoded."""
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
    """The decoded picture the right way up, and whether it was not."""
    before = getattr(file, "tag_v2", {}).get(_ORIENTATION)
    file.load()  # here Pillow turns a TIFF, and forgets how it was
    try:
        orientation = file.getexif().get(_ORIENTATION, before)
        return ImageOps.exif_transpose(file), orientation in _TURNED
    except _BROKEN_METADATA:  # no reason to lose the picture
        return file, False


def _eight_bits(file: Image.Image, image: Image.Image) -> Image.Image:
    """The upper eight bits of 12 or 16 in grey; Pillow would cut off at 255."""
    if not image.mode.startswith("I;16"):
        return image
    tags = getattr(file, "tag_v2", {})
    levels = (np.asarray(image) >> tags.get(_BITS, (16,))[0] - 8).astype(np.uint8)
    white_is_zero = tags.get(_PHOTOMETRIC) == 0  # which Pillow minds up to eight bits only
    return Image.fromarray(255 - levels if white_is_zero else levels)


_lock, _inside, _guard = threading.Lock(), 0, warnings.catch_warnings()


@contextmanager
def _quiet() -> Iterator[None]:
    """Ignore warnings: of large pictures (we stop at Pillow's hard limit), odd metadata, dropped alpha.

    Threads share the filters, so the first one in sets them and the last one out brings them back.
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
