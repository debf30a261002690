"""Finds picture files in folders and reads them as RGB. Needs no torch."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from PIL import Image

from ._decode import as_rgb, decode, formats, reason
from .errors import EdgewiseError, UsageError
from .files import read_file, require_regular
from .spec import Pixels, Preprocess

Used = TypeVar("Used")

MOST_BYTES = 1 << 30  # of a picture file
_SHOWN = 3  # kinds of other files
_OF_SYSTEMS = ("thumbs.db", "desktop.ini")  # which Windows puts into folders of pictures
_IPHONE = (".heic", ".heif")


@dataclass(frozen=True, slots=True)
class FolderContent:
    """The picture files of a folder, sorted, and the other files counted by extension."""

    pictures: tuple[Path, ...]
    others: Counter[str]

    def notice(self, folder: Path) -> str | None:
        """A sentence about the files that were not looked at; None where there are none."""
        count = self.others.total()
        if not count:
            return None
        were = "file was" if count == 1 else "files were"
        heic = sum(self.others[suffix] for suffix in _IPHONE)
        hint = "; pip install pillow-heif to read HEIC" if heic else ""
        return f"{folder}: {count:,} other {were} not looked at, {_counted(self.others)}{hint}"


def picture_name(files: Sequence[Path], index: int) -> str:
    """What people call picture `index`: its folder and file, or its number where there are no files."""
    return "/".join(files[index].parts[-2:]) if files else f"number {index}"


def sha256_of(path: Path) -> str:
    """The sha256 of the file in hexadecimal.

    Raises:
        EdgewiseError: the file cannot be read.
    """
    try:
        require_regular(path)
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
    return with_image(path, lambda image: image)


def with_image(path: Path, use: Callable[[Image.Image], Used]) -> Used:
    """What `use` makes of the picture that `read_image` reads; raises like it, and what `use` raises.

    Where many threads do this, the pictures that are in use at a time fit into memory.
    """
    try:
        return decode(read_file(path, MOST_BYTES), lambda image, _: use(image))
    except EdgewiseError:
        raise
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; pass a picture") from error
    except Exception as error:  # decoders raise almost anything on a damaged file
        raise EdgewiseError(
            f"{path}: cannot be read as a picture ({reason(error)}); save it again as JPEG or PNG"
        ) from error


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
            pixels = with_image(path, preprocess.crop)
        except EdgewiseError as error:
            skipped.append(error)
        else:
            yield index, pixels


def find_images(folder: Path) -> list[Path]:
    """The picture files in `folder` and below, as `look` finds them; raises like it."""
    return list(look(folder).pictures)


def look(folder: Path) -> FolderContent:
    """Find the picture files in `folder` and below, without hidden ones; visits each folder only once.

    Raises:
        UsageError: the folder cannot be read, or contains no pictures.
    """
    extensions = {extension for of_format in formats().values() for extension in of_format}
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
            if file.suffix.lower() in extensions and file.is_file():
                pictures.append(file)
            elif file.name.lower() not in _OF_SYSTEMS:
                others[file.suffix.lower() or "no extension"] += 1
    if not pictures:
        raise UsageError(
            f"{folder}: contains no pictures ({' '.join(sorted(extensions))}), found "
            f"{_counted(others) or 'no files'}; choose another folder"
        )
    return FolderContent(tuple(sorted(pictures)), others)


def _counted(others: Counter[str]) -> str:
    """The most frequent extensions with their counts, as '8 .heic, 2 .txt'."""
    ordered = sorted(others.items(), key=lambda item: (-item[1], item[0]))
    first = ", ".join(f"{count} {suffix}" for suffix, count in ordered[:_SHOWN])
    rest = len(others) - _SHOWN
    return f"{first} and {rest} more kinds" if rest > 0 else first


def _refuse_folder(error: OSError) -> NoReturn:
    raise UsageError(f"{error.filename}: {reason(error)}; pass a folder of pictures") from error
