"""Finds picture files in folders and reads them as RGB. Needs no torch."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from PIL import Image

from ._decode import as_rgb, decode, reason
from .errors import EdgewiseError, UsageError
from .spec import Pixels, Preprocess

_EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def sha256_of(path: Path) -> str:
    """The sha256 of the file in hexadecimal.

    Raises:
        EdgewiseError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EdgewiseError(f"{path}: cannot be read ({reason(error)})") from error


def read_image(path: Path) -> Image.Image:
    """Read the (first) picture of a file in RGB, with EXIF orientation applied and alpha dropped.

    Raises:
        UsageError: the file does not exist.
        EdgewiseError: it is damaged, too large, not a picture, or cannot be converted to RGB.
    """
    try:
        image, _ = decode(path.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; pass a picture") from error
    except Exception as error:  # decoders raise almost anything on a damaged file
        raise EdgewiseError(
            f"{path}: cannot be read as a picture ({reason(error)}); save it again as JPEG or PNG"
        ) from error
    return image


def rgb_of(image: Image.Image) -> Image.Image:
    """Convert a Pillow image as `read_image` does, so that a file gives the same pixels whoever opened it.

    Raises:
        EdgewiseError: it cannot be decoded, is too large, or has a mode that cannot become RGB.
    """
    try:
        return as_rgb(image)
    except Exception as error:  # decoders raise almost anything on a damaged file
        raise EdgewiseError(f"the picture {image!r} cannot be read ({reason(error)})") from error


def crops(
    paths: Iterable[Path], preprocess: Preprocess, skipped: list[EdgewiseError]
) -> Iterator[tuple[int, Pixels]]:
    """Yield each readable picture's index in `paths` and its crop, uint8 of `Preprocess.shape`.

    The errors for unreadable files are appended to `skipped`.
    """
    for index, path in enumerate(paths):
        try:
            pixels = preprocess.crop(read_image(path))
        except EdgewiseError as error:
            skipped.append(error)
        else:
            yield index, pixels


def find_images(folder: Path) -> list[Path]:
    """The picture files in `folder` and below, sorted and without hidden ones; visits each folder only once.

    Raises:
        UsageError: the folder cannot be read, or contains no pictures.
    """
    pictures: list[Path] = []
    others: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    for parent, folders, files in os.walk(folder, onerror=_refuse_folder, followlinks=True):
        status = Path(parent).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in (Path(parent, name) for name in files if not name.startswith(".")):
            if file.suffix.lower() in _EXTENSIONS and file.is_file():
                pictures.append(file)
            else:
                others[file.suffix.lower() or "no extension"] += 1
    if not pictures:
        found = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(3)) or "no files"
        raise UsageError(
            f"{folder}: contains no pictures ({' '.join(_EXTENSIONS)}), found {found}; choose another folder"
        )
    return sorted(pictures)


def _refuse_folder(error: OSError) -> NoReturn:
    raise UsageError(f"{error.filename}: {reason(error)}; pass a folder of pictures") from error
