"""Command-line settings that replace the metadata of a model's weights."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from .errors import UsageError
from .files import read_file
from .sizes import Size, both, simplest
from .spec import Labels, ModelSpec, PerChannel, Preprocess, classes_of

PathLike: TypeAlias = str | os.PathLike[str]
Channels: TypeAlias = float | Iterable[float]  # one number for all channels, or one for each
Resize: TypeAlias = Size | Literal["squash"]
ClassNames: TypeAlias = str | os.PathLike[str] | Iterable[str]  # a file of them, or the names themselves

_HALF = (0.5,)
_WITH_ID = re.compile(r"(n\d{8})\s+(\S.*)")


@dataclass(frozen=True, slots=True)
class Overrides:
    """Settings to replace; None keeps what the weights define.

    `mean` and `std` are on the [0, 1] scale, one number for all channels or one for each. `imgsz` and
    `resize` are in pixels, as `Preprocess` takes them; `imgsz` alone changes `resize` in proportion, and
    'squash' is a `resize` to the very size of the input. `channels` is 3 for RGB or 1 for grey. `labels` is a
    file for `read_labels`, or the classes.
    """

    mean: PerChannel | None = None
    std: PerChannel | None = None
    imgsz: Size | None = None
    resize: Resize | None = None
    labels: Path | Labels | None = None
    channels: int | None = None
    interpolation: str | None = None

    @classmethod
    def of(  # noqa: PLR0913 - one keyword per option
        cls,
        *,
        mean: Channels | None = None,
        std: Channels | None = None,
        imgsz: Size | None = None,
        resize: Resize | None = None,
        labels: ClassNames | None = None,
        channels: int | None = None,
        interpolation: str | None = None,
    ) -> Self:
        """Build overrides from Python values: one number for all channels, class names in any sequence.

        Raises:
            UsageError: a number or a name is not valid.
        """
        sizes = _size("imgsz", imgsz), resize if resize == "squash" else _size("resize", resize)
        per_channel = _per_channel("mean", mean), _per_channel("std", std)
        return cls(*per_channel, *sizes, _labels(labels), channels, interpolation)

    @property
    def named(self) -> Labels | None:
        """The classes given by the user, if any; raises like `read_labels`."""
        return read_labels(self.labels) if isinstance(self.labels, Path) else self.labels

    def __post_init__(self) -> None:
        for option, values in (("--mean", self.mean), ("--std", self.std)):
            if values is not None and not all(0 <= value <= 1 for value in values):
                raise UsageError(f"{option} {values}: not between 0 and 1; divide by 255")
        if self.channels not in {None, 1, 3}:
            raise UsageError(f"--channels {self.channels}: must be 3 for RGB, or 1 for grey")

    def apply(self, spec: ModelSpec, outputs: int) -> ModelSpec:
        """Apply the overrides to `spec`, for a network with that number of outputs.

        Raises:
            UsageError: the number of labels differs, the labels file is unusable, or the sizes do not fit.
        """
        labels = self.named or spec.labels
        if len(labels) != classes_of(outputs):
            found = f"{self._source(spec)}: names {len(labels)} classes, but the network has"
            if outputs == 1:
                raise UsageError(
                    f"{found} one output, which tells two classes apart; pass a file with that of negative "
                    "outputs and then that of positive ones with --labels"
                )
            raise UsageError(
                f"{found} {outputs} outputs; pass a file with one class per output, in order, with --labels"
            )
        return replace(spec, preprocess=self.preprocess(spec.preprocess), labels=labels)

    def _source(self, spec: ModelSpec) -> str:
        """Where the class names come from, for messages."""
        return "labels" if isinstance(self.labels, Labels) else str(self.labels or spec.origin.description)

    def preprocess(self, given: Preprocess, channels: int | None = None) -> Preprocess:
        """Apply the overrides to `given`, for a network that takes `channels`.

        Raises:
            UsageError: the sizes, or mean and std and the channels, do not fit.
        """
        channels = self.channels or channels or given.channels
        # Nothing follows for grey from the statistics of colours, so that these are the usual ones for it.
        known = given if channels == given.channels else replace(given, mean=_HALF, std=_HALF)
        size = given.size if self.imgsz is None else simplest(self.imgsz)
        return Preprocess(
            size,
            self._resize(given, size),
            _spread("--mean", self.mean or known.mean, channels),
            _spread("--std", self.std or known.std, channels),
            self.interpolation or given.interpolation,
        )

    def _resize(self, given: Preprocess, size: Size) -> Size:
        if self.resize is not None:
            return both(size) if self.resize == "squash" else self.resize
        if self.imgsz is None:
            return given.resize
        if isinstance(given.resize, int):
            # Of a long strip, a crop would lose most: such networks take whole pictures.
            return round(size * given.resize / min(both(given.size))) if isinstance(size, int) else size
        (high, wide), (height, width), (rows, columns) = both(size), both(given.size), given.resize
        return round(high * rows / height), round(wide * columns / width)


def read_labels(path: Path) -> Labels:
    """Read classes from a text file, one per line: 'tench', or with a WordNet id, 'n01440764 tench'.

    Raises:
        UsageError: it cannot be read, has empty lines, or only some of its lines have ids.
    """
    try:
        lines = [line.strip() for line in read_file(path).decode("utf-8-sig").rstrip().splitlines()]
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; pass a text file with one class per line") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text; pass a text file with one class per line") from error
    if "" in lines or not lines:
        raise UsageError(f"{path}: line {(*lines, '').index('') + 1} is empty; write one class per line")
    pairs = [_WITH_ID.fullmatch(line) for line in lines]
    if not any(pairs):
        return Labels(tuple(lines))
    if None in pairs:
        raise UsageError(
            f"{path}: line {pairs.index(None) + 1} has no WordNet id but other lines do; add or remove ids"
        )
    return Labels(tuple(pair[2] for pair in pairs if pair), tuple(pair[1] for pair in pairs if pair))


def _per_channel(option: str, value: Channels | None) -> PerChannel | None:
    if value is None:
        return None
    try:
        numbers = [float(part) for part in value] if isinstance(value, Iterable) else [float(value)]
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{option} {value!r}: must be one number, or three for red, green and blue"
        ) from error
    if len(numbers) not in {1, 3}:
        raise UsageError(f"{option} {value!r}: must be one number, or three for red, green and blue")
    return tuple(numbers)


def _spread(option: str, values: PerChannel, channels: int) -> PerChannel:
    """One number for each channel."""
    if len(values) == 1:
        return values * channels
    if len(values) != channels:
        raise UsageError(
            f"{option} {','.join(f'{value:g}' for value in values)}: the network takes grey pictures; "
            "pass one number"
        )
    return values


def _size(option: str, value: Any) -> Size | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, tuple | list) and len(value) == 2 and all(type(side) is int for side in value):
        return value[0], value[1]
    raise UsageError(f"{option} {value!r}: must be the side of a square in pixels, or height and width")


def _labels(given: ClassNames | None) -> Path | Labels | None:
    if given is None:
        return None
    if isinstance(given, str | os.PathLike):
        return Path(given)
    names = tuple(given)
    if odd := [name for name in names if not isinstance(name, str)]:
        raise UsageError(f"labels: {odd[0]!r} is not a class name; pass a file, or one string per class")
    labels = Labels(names)
    labels.text()  # raises if a name is not one line of text
    return labels
