"""Picture files: found in folders, read as RGB, matched to classes by their folders. Needs no torch."""

import hashlib
import os
import unicodedata
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import EdgewiseError, UsageError
from .spec import Labels, Pixels, Preprocess

_EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# Pillow goes by a file's content, not by its name; what it opens otherwise includes PostScript, which runs.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_WITHOUT_RANGE = ("F", "I")  # 32-bit greys: nothing says which value is white
_LONGEST = 100  # a strip longer than this many times its width would fill the memory when resized


def sha256_of(path: Path) -> str:
    """The digest of the file's bytes, in hexadecimal.

    Raises:
        EdgewiseError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EdgewiseError(f"{path}: cannot be read ({_reason(error)})") from error


def read_image(path: Path) -> Image.Image:
    """The (first) picture of a file in RGB, turned the way its EXIF orientation says; alpha is dropped.

    Raises:
        UsageError: there is no such file.
        EdgewiseError: it is damaged, too large, not a picture, or not one that RGB can show.
    """
    try:
        # Pillow warns of large pictures (we stop at its hard limit), odd metadata and dropped transparency.
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=_FORMATS) as file:
            _refuse_odd(file)
            return _rgb(ImageOps.exif_transpose(file))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; name a picture") from error
    except Exception as error:  # decoders raise almost anything on a damaged file
        raise EdgewiseError(
            f"{path}: cannot be read as a picture ({_reason(error)}); save it anew as JPEG or PNG"
        ) from error


def crops(
    paths: Iterable[Path], preprocess: Preprocess, skipped: list[EdgewiseError]
) -> Iterator[tuple[int, Pixels]]:
    """Each readable picture's place in `paths` and its crop, (size, size, 3) uint8, one at a time.

    Why the others could not be read is added to `skipped`, file by file.
    """
    for index, path in enumerate(paths):
        try:
            pixels = preprocess.crop(read_image(path))
        except EdgewiseError as error:
            skipped.append(error)
        else:
            yield index, pixels


def find_images(folder: Path) -> list[Path]:
    """The picture files in `folder` and below, sorted; nothing hidden, no folder twice through links.

    Raises:
        UsageError: the folder cannot be read, or holds no pictures.
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
            f"{folder}: holds no pictures ({' '.join(_EXTENSIONS)}) but {found}; name another folder"
        )
    return sorted(pictures)


def labelled_images(folder: Path, labels: Labels) -> list[tuple[Path, int]]:
    """The pictures below `folder` and the class of each: what the folder directly under `folder` is called.

    It may be called by the class's name, its id or both ('n01440764_tench'), with any case, spaces and
    punctuation. Only where no folder matches so, and all are called by numbers, these are taken for places
    in the model's output, from 0. Folders without pictures do not count.

    Raises:
        UsageError: no pictures, pictures outside of class folders, a folder that fits no class or several.
    """
    pictures = find_images(folder)
    if loose := [path for path in pictures if path.parent == folder]:
        raise UsageError(
            f"{folder}: {len(loose)} pictures lie directly in it (the first: {loose[0].name}); "
            "put each into a folder that is called by its class"
        )
    folders = {path: path.relative_to(folder).parts[0] for path in pictures}
    classes = _classes(folder, list(dict.fromkeys(folders.values())), labels)
    return [(path, classes[name]) for path, name in folders.items()]


def _classes(folder: Path, names: list[str], labels: Labels) -> dict[str, int]:
    """The class of each class folder."""
    exact, folded = _forms(labels, str), _forms(labels, _fold)
    fitting = {name: exact.get(name) or folded.get(_fold(name), []) for name in names}
    if not any(fitting.values()) and all(_is_place(name, labels) for name in names):
        return {name: int(name) for name in names}
    if unknown := [name for name, found in fitting.items() if not found]:
        near = get_close_matches(_fold(unknown[0]), folded, n=3)
        candidates = dict.fromkeys(index for form in near for index in folded[form]) or range(len(labels))[:3]
        raise UsageError(
            f"{folder / unknown[0]}: the folder's name fits none of the model's {len(labels)} classes "
            f"({len(unknown)} of {len(names)} folders do not); "
            f"{'nearest' if near else 'the classes begin with'}: {_listed(labels, candidates)}"
        )
    for name, found in fitting.items():
        if len(found) > 1:
            mend = "its id" if labels.ids else "an id, and give the ids by --labels"
            raise UsageError(
                f"{folder / name}: the folder's name fits several classes: {_listed(labels, found)}; "
                f"call the folder by {mend}"
            )
    return {name: found[0] for name, found in fitting.items()}


def _forms(labels: Labels, fold: Callable[[str], str]) -> dict[str, list[int]]:
    """The classes by each form in which a folder may name them."""
    forms = defaultdict(list)
    ids = labels.ids or ("",) * len(labels)
    for index, (name, identity) in enumerate(zip(labels.names, ids, strict=True)):
        for form in {fold(name), fold(identity), fold(f"{identity} {name}")} - {""}:
            forms[form].append(index)
    return forms


def _fold(name: str) -> str:
    """Without case, spaces and punctuation; `é` is the same in each of its spellings."""
    composed = unicodedata.normalize("NFC", name.casefold())
    return "".join(letter for letter in composed if unicodedata.category(letter)[0] not in "PZ")


def _is_place(name: str, labels: Labels) -> bool:
    return name.isascii() and name.isdecimal() and int(name) < len(labels)


def _listed(labels: Labels, indices: Iterable[int]) -> str:
    return ", ".join(
        f"{labels.names[index]!r}" + (f" ({labels.ids[index]})" if labels.ids else "") for index in indices
    )


def _refuse_odd(file: Image.Image) -> None:
    if file.mode in _WITHOUT_RANGE:
        raise ValueError(f"32-bit grey values, mode {file.mode!r}")
    if max(file.size) > _LONGEST * min(file.size):
        raise ValueError(f"a strip of {file.width} by {file.height} pixels")


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow would cut off at 255 what reaches to 65535
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGB")


def _refuse_folder(error: OSError) -> NoReturn:
    raise UsageError(f"{error.filename}: {_reason(error)}; name a folder of pictures") from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # its own message repeats the path
        return f"none of {', '.join(_FORMATS)}"
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
