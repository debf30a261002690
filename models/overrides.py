"""Command-line settings that replace the metadata of a model's weights."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeAlias

from .errors import UsageError
from .spec import RGB, Labels, ModelSpec, Preprocess

PathLike: TypeAlias = str | os.PathLike[str]
Channels: TypeAlias = float | Iterable[float]  # one number for all three, or one for each
ClassNames: TypeAlias = str | os.PathLike[str] | Iterable[str]  # a file of them, or the names themselves

_WITH_ID = re.compile(r"(n\d{8})\s+(\S.*)")


@dataclass(frozen=True, slots=True)
class Overrides:
    """Settings to replace; None keeps what the weights define.

    `mean` and `std` are per channel on the [0, 1] scale. `imgsz` and `resize` are in pixels; `imgsz` alone
    changes `resize` in proportion. `labels` is a file for `read_labels`, or the classes.
    """

    mean: RGB | None = None
    std: RGB | None = None
    imgsz: int | None = None
    resize: int | None = None
    labels: Path | Labels | None = None

    @classmethod
    def of(
        cls,
        *,
        mean: Channels | None = None,
        std: Channels | None = None,
        imgsz: int | None = None,
        resize: int | None = None,
        labels: ClassNames | None = None,
    ) -> Self:
        """Build overrides from Python values: one number for all channels, class names in any sequence.

        Raises:
            UsageError: a number or a name is not valid.
        """
        return cls(_rgb("mean", mean), _rgb("std", std), imgsz, resize, _labels(labels))

    @property
    def named(self) -> Labels | None:
        """The classes given by the user, if any; raises like `read_labels`."""
        return read_labels(self.labels) if isinstance(self.labels, Path) else self.labels

    def __post_init__(self) -> None:
        for option, values in (("--mean", self.mean), ("--std", self.std)):
            if values is not None and not all(0 <= value <= 1 for value in values):
                raise UsageError(f"{option} {values}: not between 0 and 1; divide by 255")

    def apply(self, spec: ModelSpec, classes: int) -> ModelSpec:
        """Apply the overrides to `spec`, for a network with `classes` outputs.

        Raises:
            UsageError: the number of labels differs, the labels file is unusable, or the sizes do not fit.
        """
        labels = self.named or spec.labels
        if len(labels) != classes:
            raise UsageError(
                f"{self._source(spec)}: names {len(labels)} classes, but the network has "
                f"{classes} outputs; pass a file with one class per output, in order, with --labels"
            )
        return replace(spec, preprocess=self.preprocess(spec.preprocess), labels=labels)

    def _source(self, spec: ModelSpec) -> str:
        """Where the class names come from, for messages."""
        return "labels" if isinstance(self.labels, Labels) else str(self.labels or spec.origin.description)

    def preprocess(self, given: Preprocess) -> Preprocess:
        """Apply the overrides to `given`; raises a `UsageError` if the sizes do not fit."""
        size = given.size if self.imgsz is None else self.imgsz
        resize = round(size * given.resize / given.size) if self.resize is None else self.resize
        return replace(
            given, size=size, resize=resize, mean=self.mean or given.mean, std=self.std or given.std
        )


def read_labels(path: Path) -> Labels:
    """Read classes from a text file, one per line: 'tench', or with a WordNet id, 'n01440764 tench'.

    Raises:
        UsageError: it cannot be read, has empty lines, or only some of its lines have ids.
    """
    try:
        lines = [line.strip() for line in path.read_text("utf-8-sig").rstrip().splitlines()]
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


def _rgb(option: str, value: Channels | None) -> RGB | None:
    if value is None:
        return None
    try:
        numbers = [float(part) for part in value] if isinstance(value, Iterable) else [float(value)] * 3
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{option} {value!r}: must be one number, or three for red, green and blue"
        ) from error
    if len(numbers) != 3:
        raise UsageError(f"{option} {value!r}: must be one number, or three for red, green and blue")
    return numbers[0], numbers[1], numbers[2]


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
