"""What forbids to train on labelled folders, and what their user should know before."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from ..errors import UsageError
from ..spec import Labels
from .scan import Scanned


def check_classes(folder: Path, train: Collection[str], val: Collection[str]) -> None:
    """Raise a `UsageError` on a single class, and on one in `val/` that is not learned."""
    if len(train) < 2:
        raise UsageError(
            f"{folder}: holds one class, {next(iter(train))!r}; need two folders of pictures at least, "
            "or train/ and val/ that hold such folders"
        )
    if unknown := [name for name in val if name not in train]:
        near = "".join(f", nearest there: {name!r}" for name in get_close_matches(unknown[0], train, n=1))
        raise UsageError(
            f"{folder}: train/ lacks {len(unknown)} of {len(val)} classes to judge by "
            f"(the first: {unknown[0]!r}{near}); call both folders alike, or take it away"
        )


def check_pictures(
    folder: Path, labels: Labels, train: Sequence[Scanned], val: Sequence[Scanned], corrupt: Sequence[str]
) -> None:
    """Raise a `UsageError` where too few pictures can be read: half of all, one a class, one to judge by."""
    first = f" (the first: {corrupt[0]})" if corrupt else ""
    if len(corrupt) > len(train) + len(val):
        total = len(corrupt) + len(train) + len(val)
        raise UsageError(f"{folder}: {len(corrupt)} of {total} pictures cannot be read{first}; get it anew")
    learned = {picture.label for picture in train}
    if missing := [name for label, name in enumerate(labels.names) if label not in learned]:
        raise UsageError(
            f"{folder}: {len(missing)} of {len(labels)} classes have no picture that can be read "
            f"(the first class: {missing[0]!r}){first}; add some or delete the folder"
        )
    if not val:
        raise UsageError(f"{folder}: no picture is left to judge by{first}; add two to each class at least")


def notes(folder: Path, labels: Labels, train: Sequence[Scanned], val: Sequence[Scanned]) -> Iterator[str]:
    """Classes that nothing judges, pictures of two classes, and such as are both learned and judged by."""
    judged = {picture.label for picture in val}
    if missing := [name for label, name in enumerate(labels.names) if label not in judged]:
        yield f"{len(missing)} of {len(labels)} classes have nothing to judge by (the first: {missing[0]!r})"
    copies = defaultdict(list)
    for picture in (*train, *val):
        copies[picture.digest].append(picture)
    torn = [same for same in copies.values() if len({picture.label for picture in same}) > 1]
    if torn:
        yield f"{len(torn)} pictures lie under more than one class (the first: {_named(folder, torn[0])})"
    seen = {picture.digest for picture in train} & {picture.digest for picture in val}
    if seen:
        first = next(same for digest, same in copies.items() if digest in seen)
        yield (
            f"{len(seen)} pictures to judge by are also trained on, which flatters "
            f"(the first: {_named(folder, first)})"
        )


def _named(folder: Path, pictures: Sequence[Scanned]) -> str:
    """The first and the last of several copies."""
    return " and ".join(pictures[place].path.relative_to(folder).as_posix() for place in (0, -1))
