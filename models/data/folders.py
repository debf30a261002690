"""Class folders: which pictures lie in which, and which classes of a model they are. Needs no torch."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path

from ..errors import UsageError
from ..images import find_images
from ..spec import Labels

_TRAIN = "train"
_JUDGED = ("val", "valid", "validation", "test")  # the first of these that is there
_WORDNET = re.compile(r"(n\d{8})(?:[\W_]+(.+))?")


def parts(folder: Path) -> tuple[Path, Path] | None:
    """The folders to train on and to judge by, where `folder` consists of these and not of class folders.

    A class, too, may be called 'train' or 'test': then its pictures lie right in its folder.
    """
    inner = {name.casefold(): folder / name for name in _inner(folder)}
    judged = next((inner[name] for name in _JUDGED if name in inner), None)
    if _TRAIN not in inner or judged is None:
        return None
    nothing_else = inner.keys() <= {_TRAIN, *_JUDGED}
    return (inner[_TRAIN], judged) if nothing_else or _inner(inner[_TRAIN]) else None


def part_to_judge(folder: Path, labels: Labels) -> Path:
    """The second of `parts`, or `folder` itself: where it has none, and where one is a class's name."""
    found = parts(folder)
    classes = _forms(labels, _fold)
    return found[1] if found and not any(_fold(part.name) in classes for part in found) else folder


def class_folders(folder: Path) -> dict[str, list[Path]]:
    """The pictures in each class folder, by its name; the names as people count: '2' before '10'.

    Raises:
        UsageError: no pictures, pictures outside of class folders, a class folder without pictures.
    """
    found = defaultdict(list)
    for path, name in _by_folder(folder):
        found[name].append(path)
    if empty := [name for name in _inner(folder) if name not in found]:
        raise UsageError(
            f"{folder / empty[0]}: holds no pictures ({len(empty)} of {len(empty) + len(found)} class "
            "folders hold none); put some there or delete the folder"
        )
    return {name: found[name] for name in sorted(found, key=_natural)}


def labels_of(names: Iterable[str]) -> Labels:
    """The classes that folders are called by; WordNet ids are set apart where every name begins with one."""
    names = tuple(names)
    matches = [match for name in names if (match := _WORDNET.fullmatch(name))]
    ids = tuple(match[1] for match in matches)
    if len(set(ids)) < len(names):
        return Labels(names)
    return Labels(tuple((match[2] or match[1]).replace("_", " ") for match in matches), ids)


def labelled_images(folder: Path, labels: Labels) -> list[tuple[Path, int]]:
    """The pictures below `folder` and the class of each: what the folder directly under `folder` is called.

    It may be called by the class's name, its id or both ('n01440764_tench'), with any case, spaces and
    punctuation. Only where no folder matches so, and all are called by numbers, these are taken for places
    in the model's output, from 0. Folders without pictures do not count.

    Raises:
        UsageError: no pictures, pictures outside of class folders, a folder that fits no class or several.
    """
    pictures = _by_folder(folder)
    classes = _classes(folder, list(dict.fromkeys(name for _, name in pictures)), labels)
    return [(path, classes[name]) for path, name in pictures]


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


def _by_folder(folder: Path) -> list[tuple[Path, str]]:
    """Each picture below `folder` and the name of the folder right in `folder` that it lies in."""
    pictures = find_images(folder)
    if loose := [path for path in pictures if path.parent == folder]:
        raise UsageError(
            f"{folder}: {len(loose)} pictures lie directly in it (the first: {loose[0].name}); "
            "put each into a folder that is called by its class"
        )
    return [(path, path.relative_to(folder).parts[0]) for path in pictures]


def _inner(folder: Path) -> list[str]:
    """The names of the folders right in `folder`; none where it cannot be read."""
    _, names, _ = next(os.walk(folder), ("", [], []))
    return sorted(name for name in names if not name.startswith("."))


def _natural(name: str) -> tuple[list[str | int], str]:
    """A key by which numbers in names go by their values; text and numbers take turns in it."""
    pieces = re.split("([0-9]+)", name)
    return [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)], name
