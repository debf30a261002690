"""Finds copies of pictures among others: the same file, the same pixels, or a picture that looks the same.

A picture that was saved again as another file, in another format, smaller or with more compression keeps its
perceptual hash but for a few bits. The hash is `imagehash.phash` with 256 bits: which of the 16 x 16 lowest
frequencies of the discrete cosine transform are above their median. `benchmarks/copies.md` has what the
threshold finds, and how often it is wrong, on real photographs.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import EdgewiseError
from ..images import sha256_of, with_image
from .threads import in_threads

MOST_BITS = 24  # that differ between copies, of 256
_SIDE, _BAND = 16, 256  # of the hash; rows of a picture
_SAMPLE, _FEW = 500, 0.05  # pictures, and the share of them that may look like another one
_LIBRARY = "imagehash"

_Bits = NDArray[np.uint8]  # (N, 32)


@dataclass(frozen=True, slots=True)
class Copies:
    """Which of some pictures were seen before.

    `same` have the bytes or the pixels of one, `alike` only look like one. `telling` is whether looks tell
    these pictures apart: pictures of one camera that stands still look alike without being copies. `blind` is
    true where the library for looks is not installed.
    """

    same: tuple[Path, ...]
    alike: tuple[Path, ...]
    telling: bool = True
    blind: bool = False

    @property
    def certain(self) -> tuple[Path, ...]:
        """Those that can be taken for copies."""
        return (*self.same, *(self.alike if self.telling else ()))


@dataclass(frozen=True, slots=True)
class Seen:
    """Pictures by the SHA-256 of their files and of their pixels, and by their looks: 64 hexadecimal digits.

    Unreadable pictures have no pixels. Without the library for looks, there are none.
    """

    files: frozenset[str] = frozenset()
    pixels: frozenset[str] = frozenset()
    looks: frozenset[str] = frozenset()

    @classmethod
    def of(cls, paths: Sequence[Path]) -> Self:
        """These picture files, decoded in parallel."""
        found = in_threads(_print, paths, lambda _done, _total: None)
        return cls(
            frozenset(file for file, _, _ in found),
            frozenset(pixels for _, pixels, _ in found if pixels),
            frozenset(look for _, _, look in found if look),
        )

    @classmethod
    def from_json(cls, section: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; bundles of earlier versions have `files` alone."""
        return cls(*(frozenset(section.get(key) or ()) for key in ("files", "pixels", "looks")))

    def to_json(self) -> dict[str, list[str]]:
        """Plain data for a manifest."""
        return {key: sorted(getattr(self, key)) for key in ("files", "pixels", "looks")}

    def __bool__(self) -> bool:
        return bool(self.files)

    def copies(self, paths: Sequence[Path]) -> Copies:
        """Those of the files that are of the pictures seen."""
        if not self:
            return Copies((), ())
        found = in_threads(_print, paths, lambda _done, _total: None)
        seen = _bits(self.looks)
        same, alike = [], []
        for path, (file, pixels, look) in zip(paths, found, strict=True):
            if file in self.files or pixels in self.pixels:
                same.append(path)
            elif look and len(seen) and _distances(seen, look).min() <= MOST_BITS:
                alike.append(path)
        blind = bool(self.looks) and find_spec(_LIBRARY) is None
        return Copies(
            tuple(same),
            tuple(alike),
            not alike or _are_telling({pixels: look for _, pixels, look in found if look}),
            blind,
        )


def _print(path: Path) -> tuple[str, str, str]:
    """SHA-256 of the file and of its pixels, and its look; the last two are empty where there are none."""
    digest = sha256_of(path)
    try:
        return digest, *with_image(path, lambda picture: (_pixels(picture), _look(picture)))
    except EdgewiseError:
        return digest, "", ""


def _pixels(picture: Image.Image) -> str:
    """SHA-256 of the size and of the pixels, in bands: a picture may be most of the memory."""
    found = hashlib.sha256(f"{picture.width} x {picture.height}".encode())
    for top in range(0, picture.height, _BAND):
        bottom = min(top + _BAND, picture.height)
        found.update(picture.crop((0, top, picture.width, bottom)).tobytes())
    return found.hexdigest()


def _look(picture: Image.Image) -> str:
    if find_spec(_LIBRARY) is None:
        return ""
    import imagehash

    return str(imagehash.phash(picture, hash_size=_SIDE))


def _bits(looks: Iterable[str]) -> _Bits:
    content = bytes.fromhex("".join(looks))
    return np.frombuffer(content, np.uint8).reshape(-1, _SIDE * _SIDE // 8)


def _distances(seen: _Bits, look: str) -> NDArray[np.int64]:
    """Bits in which the look differs from each of those seen."""
    return np.asarray(np.bitwise_count(seen ^ _bits([look])).sum(1), np.int64)


def _are_telling(looks: Mapping[str, str]) -> bool:
    """Whether few of these pictures, told apart by their pixels, look like another one of them."""
    different = [looks[pixels] for pixels in sorted(looks)[:_SAMPLE]]
    bits = _bits(different)
    crowded = sum(int((_distances(bits, look) <= MOST_BITS).sum() > 1) for look in different)
    return crowded <= _FEW * len(different)
