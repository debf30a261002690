"""Checks labelled folders before training: errors that prevent it, and warnings for the user."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from ..errors import UsageError
from ..spec import Labels
from .scan import Scanned


def check_classes(folder: Path, train: Collection[str], val: Collection[str]) -> None:
    """Raise a `UsageError` if there is only one class, or `val/` has a class that `train/` lacks."""
    if len(train) < 2:
        raise UsageError(
            f"{folder}: contains only one class, {next(iter(train))!r}; need at least two folders of "
            "pictures, or train/ and val/ with such folders"
        )
    if unknown := [name for name in val if name not in train]:
        near = "".join(f", closest match: {name!r}" for name in get_close_matches(unknown[0], train, n=1))
        raise UsageError(
            f"{folder}: train/ lacks {len(unknown)} of the {len(val)} validation classes "
            f"(first: {unknown[0]!r}{near}); rename the folder to match, or remove it"
        )


def check_pictures(
    folder: Path, labels: Labels, train: Sequence[Scanned], val: Sequence[Scanned], corrupt: Sequence[str]
) -> None:
    """Raise a `UsageError` unless half of all pictures, one per class and one for validation are readable."""
    first = f" (first: {corrupt[0]})" if corrupt else ""
    if len(corrupt) > len(train) + len(val):
        total = len(corrupt) + len(train) + len(val)
        raise UsageError(
            f"{folder}: {len(corrupt)} of {total} pictures cannot be read{first}; download the data again"
        )
    learned = {picture.label for picture in train}
    if missing := [name for label, name in enumerate(labels.names) if label not in learned]:
        raise UsageError(
            f"{folder}: {len(missing)} of {len(labels)} classes have no readable training pictures "
            f"(first class: {missing[0]!r}){first}; add some or delete the folder"
        )
    if not val:
        raise UsageError(
            f"{folder}: no pictures are left for validation{first}; add at least two to each class"
        )


def notes(folder: Path, labels: Labels, train: Sequence[Scanned], val: Sequence[Scanned]) -> Iterator[str]:
    """Warn about classes without validation pictures, pictures in two classes, and pictures in both parts."""
    judged = {picture.label for picture in val}
    if missing := [name for label, name in enumerate(labels.names) if label not in judged]:
        yield f"{len(missing)} of {len(labels)} classes have no validation pictures (first: {missing[0]!r})"
    copies = defaultdict(list)
    for picture in (*train, *val):
        copies[picture.digest].append(picture)
    torn = [same for same in copies.values() if len({picture.label for picture in same}) > 1]
    if torn:
        yield f"{len(torn)} pictures are in more than one class (first: {_named(folder, torn[0])})"
    seen = {picture.digest for picture in train} & {picture.digest for picture in val}
    if seen:
        first = next(same for digest, same in copies.items() if digest in seen)
        yield (
            f"{len(seen)} validation pictures are also in the training set, which inflates the accuracy "
            f"(first: {_named(folder, first)})"
        )


def _named(folder: Path, pictures: Sequence[Scanned]) -> str:
    """The paths of the first and the last of several copies."""
    return " and ".join(pictures[place].path.relative_to(folder).as_posix() for place in (0, -1))
