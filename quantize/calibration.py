"""Calibration pictures, from which a quantizer measures the range of each activation."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..models.data.copies import Seen
from ..models.errors import EdgewiseError, UsageError
from ..models.images import crops, look
from ..models.spec import Preprocess, Tensor32
from ..models.synthetic import dead_leaves

DEFAULT_COUNT = 128
FAST_COUNT = 32
_MOST_UNUSED = 500  # which estimate a loss well enough
FEWEST = 8  # with fewer, even min-max ranges and channel means are unreliable


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Pictures cropped to the network's input, (N, H, W, C) uint8, and where they came from.

    `seen` tells the picture files again, and is empty for generated pictures; `skipped` counts files that
    could not be read; `unused` are up to 500 of the remaining files of the folder, without copies of those
    used, which evaluation may take; `notices` are sentences about files that are no pictures.
    """

    pixels: NDArray[np.uint8]
    source: str
    seed: int
    preprocess: Preprocess
    seen: Seen = field(default_factory=Seen)
    skipped: int = 0
    unused: tuple[Path, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def is_generated(self) -> bool:
        """Whether no picture came from a file."""
        return not self.seen

    def inputs(self) -> Iterator[Tensor32]:
        """Yield one normalised picture at a time, (1, H, W, C)."""
        for picture in self.pixels:
            yield self.preprocess.normalise(picture[None])

    def batch(self, count: int) -> Tensor32:
        """The first `count` pictures (or all, if fewer), normalised: (count, H, W, C)."""
        return self.preprocess.normalise(self.pixels[:count])

    def to_json(self) -> dict[str, Any]:
        """The manifest's section: what was used, the SHA-256 of all crops, and what tells each file again."""
        return {
            "source": self.source,
            "count": len(self.pixels),
            "seed": self.seed,
            "skipped": self.skipped,
            "sha256": hashlib.sha256(self.pixels.tobytes()).hexdigest(),
            **self.seen.to_json(),
        }


def generated(
    preprocess: Preprocess, count: int | None, seed: int, default: int = DEFAULT_COUNT
) -> Calibration:
    """Generated dead-leaves pictures instead of photographs: see `models/synthetic.py`."""
    pictures = (
        Image.fromarray(dead_leaves(preprocess.resize, seed, index))
        for index in range(_enough(default if count is None else count))
    )
    return Calibration(
        np.stack(list(map(preprocess.crop, pictures))), "generated dead leaves", seed, preprocess
    )


def from_folder(
    folder: Path, preprocess: Preprocess, count: int | None, seed: int, default: int = DEFAULT_COUNT
) -> Calibration:
    """`count` readable pictures of `folder`, sampled with `seed`; None means up to `default`.

    Raises:
        UsageError: the folder contains no pictures, or fewer than requested.
    """
    wanted = _enough(default if count is None else count)
    content = look(folder)
    files = list(content.pictures)
    random.Random(seed).shuffle(files)  # noqa: S311 - a sample, not a secret
    skipped: list[EdgewiseError] = []
    found = list(islice(crops(files, preprocess, skipped), wanted))
    needed = FEWEST if count is None else wanted
    if len(found) < needed:
        raise UsageError(
            f"{folder}: {len(found)} readable pictures for calibration ({len(skipped)} unreadable), "
            f"but {needed} are needed; add pictures or use fewer"
        )
    seen = Seen.of([files[index] for index, _ in found])
    rest = files[found[-1][0] + 1 :][:_MOST_UNUSED]
    copies = frozenset(seen.copies(rest).certain)
    unused = tuple(file for file in rest if file not in copies)
    pixels = np.stack([pixels for _, pixels in found])
    notices = tuple(filter(None, [content.notice(folder)]))
    return Calibration(pixels, folder.name, seed, preprocess, seen, len(skipped), unused, notices)


def _enough(count: int) -> int:
    if count < FEWEST:
        raise UsageError(f"{count} calibration pictures are too few: at least {FEWEST} are needed")
    return count
