"""Command-line settings that replace the metadata of a model's weights."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import UsageError
from .spec import RGB, Labels, ModelSpec, Preprocess

_WITH_ID = re.compile(r"(n\d{8})\s+(\S.*)")


@dataclass(frozen=True, slots=True)
class Overrides:
    """Settings to replace; None keeps what the weights define.

    `mean` and `std` are per channel on the [0, 1] scale. `imgsz` and `resize` are in pixels; `imgsz` alone
    changes `resize` in proportion. `labels` is a file for `read_labels`.
    """

    mean: RGB | None = None
    std: RGB | None = None
    imgsz: int | None = None
    resize: int | None = None
    labels: Path | None = None

    def __post_init__(self) -> None:
        for option, values in (("--mean", self.mean), ("--std", self.std)):
            if values is not None and not all(0 <= value <= 1 for value in values):
                raise UsageError(f"{option} {values}: not between 0 and 1; divide by 255")

    def apply(self, spec: ModelSpec, classes: int) -> ModelSpec:
        """Apply the overrides to `spec`, for a network with `classes` outputs.

        Raises:
            UsageError: the number of labels differs, the labels file is unusable, or the sizes do not fit.
        """
        labels = spec.labels if self.labels is None else read_labels(self.labels)
        if len(labels) != classes:
            raise UsageError(
                f"{self.labels or spec.origin.description}: names {len(labels)} classes, but the network has "
                f"{classes} outputs; pass a file with one class per output, in order, with --labels"
            )
        return replace(spec, preprocess=self.preprocess(spec.preprocess), labels=labels)

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
