"""Labelled pictures to train and to judge with: folders of class folders, or the generated shapes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from .spec import Labels


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Pictures and their classes: `read` gives number i in RGB, `labels[i]` is its place in the classes."""

    labels: tuple[int, ...]
    read: Callable[[int], Image.Image]
    files: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Pictures to learn from, others to judge by, their classes.

    `kinds` counts what had to be converted or was left out: 'grey', 'CMYK', '16-bit', 'palette', 'EXIF-rotated',
    'corrupt'; `corrupt` are the files that were left out, each with the reason.
    """

    description: str
    train: Samples
    val: Samples
    labels: Labels
    kinds: dict[str, int] = field(default_factory=dict)
    corrupt: tuple[str, ...] = ()


def open_dataset(
    source: str | Path,
    *,
    val_share: float = 0.1,
    seed: int = 0,
    size: int = 96,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """What `--data` names: a folder with `train/` and `val/`, a folder of class folders, or 'shapes'.

    Raises:
        UsageError: no such folder, no pictures, a single class, a class in `val/` that `train/` lacks.
    """
    raise NotImplementedError
