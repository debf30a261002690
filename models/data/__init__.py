"""Labelled pictures for training and validation: folders with a sub-folder per class, or generated shapes."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PIL import Image

from ..errors import UsageError
from ..images import read_image
from ..shapes import EVALUATION_CLUTTER, EVALUATION_SEED, SHAPES, TRAIN_SEED, shape_picture
from ..spec import Labels
from .audit import check_classes, check_pictures, notes
from .folders import class_folders, labels_of, parts
from .scan import Scanned, scan
from .split import held_out

GENERATED = "shapes"  # the value of `--data` for the generated set
TRAIN_COUNT, VAL_COUNT = 24_000, 4_800  # default sizes of the generated set

_ARCHIVES = (".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip", ".zst")


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Pictures and their classes: `read(i)` returns picture i in RGB, `labels[i]` is its class index."""

    labels: tuple[int, ...]
    read: Callable[[int], Image.Image]
    files: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Training pictures, validation pictures and their classes.

    `kinds` counts the pictures that were converted or skipped: 'grey', 'CMYK', '16-bit', 'palette', 'alpha',
    'EXIF-rotated', 'animated', 'multi-page', 'corrupt'; `corrupt` lists the skipped files, each with the
    reason; `notes` are further warnings for the user, one line each.
    """

    description: str
    train: Samples
    val: Samples
    labels: Labels
    kinds: dict[str, int] = field(default_factory=dict)
    corrupt: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def open_dataset(
    source: str | Path,
    *,
    val_share: float = 0.1,
    seed: int = 0,
    size: int = 96,
    progress: Callable[[int, int], None] = lambda done, total: None,  # noqa: ARG005
) -> Dataset:
    """Open the value of `--data`: a folder with `train/` and `val/`, a folder of class folders, or 'shapes'.

    Without a `val/` folder, `val_share` of each class is held out using `seed`. Every picture is decoded once
    while `progress(done, total)` is called; corrupt ones are skipped. Generated pictures are `size` pixels
    wide and high.

    Raises:
        UsageError: the folder does not exist or has no pictures, more than half of them are corrupt, there is
            only one class, a class has no pictures, or `val/` has a class that `train/` lacks.
    """
    if not 0 < val_share < 1:
        raise UsageError(f"--val-share {val_share}: must be greater than 0 and less than 1")
    require_dataset(source)
    if str(source) == GENERATED:
        return generated(size)
    return _from_folder(Path(source), val_share, seed, progress)


def require_dataset(source: str | Path) -> None:
    """Raise a `UsageError` where `source` is neither a folder nor 'shapes'; pictures are not looked for."""
    folder = Path(source)
    if str(source) == GENERATED or folder.is_dir():
        return
    if folder.is_file():
        fix = "unpack it and pass the folder" if folder.suffix.lower() in _ARCHIVES else "pass a folder"
        raise UsageError(f"{folder}: is a file; {fix} with a sub-folder of pictures for each class")
    raise UsageError(f"{folder}: No such file or directory; pass a folder of pictures")


def generated(size: int, train: int = TRAIN_COUNT, val: int = VAL_COUNT, seed: int = 0) -> Dataset:
    """The generated shapes, drawn when they are read; every `seed` gives different ones.

    Raises:
        UsageError: fewer pictures than classes for training or validation.
    """
    if min(train, val) < len(SHAPES):
        raise UsageError(
            f"{train} training and {val} validation pictures: need at least {len(SHAPES)} each, one per class"
        )
    # Odd streams for training and even ones for validation, so that no two seeds mix them.
    return Dataset(
        f"generated shapes{f', seed {seed}' if seed else ''}",
        _drawn(train, partial(_draw, size, TRAIN_SEED + 2 * seed, 0.0)),
        _drawn(val, partial(_draw, size, EVALUATION_SEED + 2 * seed, EVALUATION_CLUTTER)),
        Labels(SHAPES),
    )


def _drawn(count: int, draw: Callable[[int], Image.Image]) -> Samples:
    return Samples(tuple(index % len(SHAPES) for index in range(count)), draw)


def _draw(size: int, seed: int, clutter: float, index: int) -> Image.Image:
    return Image.fromarray(shape_picture(size, seed, index, clutter)[0])


def _from_folder(folder: Path, share: float, seed: int, progress: Callable[[int, int], None]) -> Dataset:
    split = parts(folder)
    notices: list[str] = []
    found = [class_folders(part, notices) for part in split or (folder,)]
    check_classes(folder, found[0], found[-1])
    places = {name: place for place, name in enumerate(found[0])}
    labels = labels_of(places)
    labels.text()  # fail now rather than when the trained model is exported
    files = [(path, places[name]) for part in found for name, paths in part.items() for path in paths]
    scanned = scan(files, progress)
    whole = [picture for picture in scanned if picture.fault is None]
    if split:
        how = f"validated on {split[1].name}/"
        val = [picture for picture in whole if picture.path.is_relative_to(split[1])]
    else:
        how = f"{share:.0%} of each class held out with seed {seed}"
        val = held_out(whole, share, seed)
    judged = {picture.path for picture in val}
    train = [picture for picture in whole if picture.path not in judged]
    corrupt = [picture for picture in scanned if picture.fault is not None]
    faults = tuple(f"{picture.path.relative_to(folder).as_posix()}: {picture.fault}" for picture in corrupt)
    check_pictures(folder, labels, train, val, faults)
    kinds = Counter(kind for picture in whole for kind in picture.kinds) + Counter(corrupt=len(corrupt))
    return Dataset(
        f"{folder.resolve().name}, {how}",
        _samples(train),
        _samples(val),
        labels,
        dict(kinds.most_common()),
        faults,
        (*notices, *notes(folder, labels, train, val)),
    )


def _samples(pictures: Sequence[Scanned]) -> Samples:
    files = tuple(picture.path for picture in pictures)
    return Samples(tuple(picture.label for picture in pictures), partial(_read, files), files)


def _read(files: tuple[Path, ...], index: int) -> Image.Image:
    return read_image(files[index])
