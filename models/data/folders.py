"""Class folders: the pictures in each, and the model's classes that they match. Needs no torch."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ..errors import UsageError
from ..images import look
from ..spec import Labels

_TRAIN = "train"
_JUDGED = ("val", "valid", "validation", "test")  # in order of preference
_WORDNET = re.compile(r"(n\d{8})(?:[\W_]+(.+))?")


def parts(folder: Path) -> tuple[Path, Path] | None:
    """The training and validation folders, or None if `folder` contains class folders instead.

    A class may itself be called 'train' or 'test': its pictures are then directly in that folder.
    """
    inner = {name.casefold(): folder / name for name in _inner(folder)}
    judged = next((inner[name] for name in _JUDGED if name in inner), None)
    if _TRAIN not in inner or judged is None:
        return None
    nothing_else = inner.keys() <= {_TRAIN, *_JUDGED}
    return (inner[_TRAIN], judged) if nothing_else or _inner(inner[_TRAIN]) else None


def part_to_judge(folder: Path, labels: Labels) -> Path:
    """The validation folder, or `folder` itself if it has no such parts or one is the name of a class."""
    found = parts(folder)
    classes = _forms(labels, _fold)
    return found[1] if found and not any(_fold(part.name) in classes for part in found) else folder


def class_folders(folder: Path, notices: list[str]) -> dict[str, list[Path]]:
    """The pictures in each class folder by its name, in natural order: '2' before '10'.

    A sentence about files that are no pictures is appended to `notices`.

    Raises:
        UsageError: there are no pictures, pictures outside class folders, or class folders without pictures.
    """
    found = defaultdict(list)
    for path, name in _by_folder(folder, notices):
        found[name].append(path)
    if empty := [name for name in _inner(folder) if name not in found]:
        raise UsageError(
            f"{folder / empty[0]}: contains no pictures ({len(empty)} of {len(empty) + len(found)} class "
            "folders are empty); add some or delete the folder"
        )
    return {name: found[name] for name in sorted(found, key=_natural)}


def labels_of(names: Iterable[str]) -> Labels:
    """The classes for these folder names; WordNet ids become `ids` if every name starts with its own."""
    names = tuple(names)
    matches = [match for name in names if (match := _WORDNET.fullmatch(name))]
    ids = tuple(match[1] for match in matches)
    if len(set(ids)) < len(names):
        return Labels(names)
    return Labels(tuple((match[2] or match[1]).replace("_", " ") for match in matches), ids)


@dataclass(frozen=True, slots=True)
class Labelled:
    """`pairs` of a picture file and its class; `folders` has the class of each folder by its name.

    `notices` are sentences about what was left out or assumed.
    """

    pairs: list[tuple[Path, int]]
    folders: dict[str, int]
    notices: tuple[str, ...]


def labelled_images(folder: Path, labels: Labels) -> Labelled:
    """The pictures below `folder`, each with the class of the sub-folder of `folder` that contains it.

    A sub-folder is named after the class, its id or both ('n01440764_tench'); case, spaces and punctuation
    are ignored. If no folder matches and all names are numbers, they are indices into the model's output,
    from 0. Folders without pictures are ignored.

    Raises:
        UsageError: there are no pictures, pictures outside class folders, or a folder that matches no class
            or several.
    """
    notices: list[str] = []
    pictures = _by_folder(folder, notices)
    names = list(dict.fromkeys(name for _, name in pictures))
    classes = _classes(folder, names, labels)
    if _are_places(names, labels):
        notices.append(_on_numbers(folder, names))
    return Labelled([(path, classes[name]) for path, name in pictures], classes, tuple(notices))


def text_order(folders: Mapping[str, int], classes: int) -> tuple[tuple[str, int], ...]:
    """The folders with their classes in the order of the folders' names as text.

    torchvision's ImageFolder and Keras count them so: '10' comes before '2'. Empty where that is the order of
    the classes already, or folders are missing.
    """
    ordered = tuple(sorted(folders.items()))
    labels = [label for _, label in ordered]
    whole = sorted(labels) == list(range(classes))
    return ordered if whole and labels != sorted(labels) else ()


def _classes(folder: Path, names: list[str], labels: Labels) -> dict[str, int]:
    """The class of each class folder."""
    exact, folded = _forms(labels, str), _forms(labels, _fold)
    fitting = {name: exact.get(name) or folded.get(_fold(name), []) for name in names}
    if _are_places(names, labels):
        return {name: int(name) for name in names}
    if unknown := [name for name, found in fitting.items() if not found]:
        near = get_close_matches(_fold(unknown[0]), folded, n=3)
        candidates = dict.fromkeys(index for form in near for index in folded[form]) or range(len(labels))[:3]
        raise UsageError(
            f"{folder / unknown[0]}: the folder name matches none of the model's {len(labels)} classes "
            f"({len(unknown)} of {len(names)} folders do not match); "
            f"{'closest' if near else 'the first classes are'}: {_listed(labels, candidates)}"
        )
    for name, found in fitting.items():
        if len(found) > 1:
            fix = "its id" if labels.ids else "an id, and pass the ids with --labels"
            raise UsageError(
                f"{folder / name}: the folder name matches several classes: {_listed(labels, found)}; "
                f"name the folder after {fix}"
            )
    return {name: found[0] for name, found in fitting.items()}


def _forms(labels: Labels, fold: Callable[[str], str]) -> dict[str, list[int]]:
    """The class indices by each folder name that may stand for them."""
    forms = defaultdict(list)
    ids = labels.ids or ("",) * len(labels)
    for index, (name, identity) in enumerate(zip(labels.names, ids, strict=True)):
        for form in {fold(name), fold(identity), fold(f"{identity} {name}")} - {""}:
            forms[form].append(index)
    return forms


def _fold(name: str) -> str:
    """Remove case, spaces and punctuation, and compose Unicode: every encoding of `é` is the same."""
    composed = unicodedata.normalize("NFC", name.casefold())
    return "".join(letter for letter in composed if unicodedata.category(letter)[0] not in "PZ")


def _are_places(names: Iterable[str], labels: Labels) -> bool:
    """Whether the names are numbers of outputs, and no class is called so."""
    known = _forms(labels, _fold)
    return all(
        name.isascii() and name.isdecimal() and int(name) < len(labels) and _fold(name) not in known
        for name in names
    )


def _on_numbers(folder: Path, names: Sequence[str]) -> str:
    """How folders called by numbers were read, and how torchvision would count them."""
    taken = f"{folder}: folders called by numbers are taken for places in the model's output"
    moved = [(name, place) for place, name in enumerate(sorted(names)) if int(name) != place]
    if not moved:
        return f"{taken}, which is also their order as text"
    name, place = moved[0]
    return (
        f"{taken}, {name!r} for output {int(name)}; torchvision's ImageFolder and Keras count folders in the "
        f"order of their names as text, {name!r} for output {place}: if the model was trained so, write the "
        "names in that order into a file, and pass it with --labels"
    )


def _listed(labels: Labels, indices: Iterable[int]) -> str:
    return ", ".join(
        f"{labels.names[index]!r}" + (f" ({labels.ids[index]})" if labels.ids else "") for index in indices
    )


def _by_folder(folder: Path, notices: list[str]) -> list[tuple[Path, str]]:
    """Each picture below `folder`, and the name of the direct sub-folder that contains it."""
    found = look(folder)
    pictures = found.pictures
    notices += filter(None, [found.notice(folder)])
    if loose := [path for path in pictures if path.parent == folder]:
        raise UsageError(
            f"{folder}: {len(loose)} pictures are outside the class folders (first: {loose[0].name}); "
            "move each into a folder named after its class"
        )
    return [(path, path.relative_to(folder).parts[0]) for path in pictures]


def _inner(folder: Path) -> list[str]:
    """The names of the direct sub-folders; empty if `folder` cannot be read."""
    _, names, _ = next(os.walk(folder), ("", [], []))
    return sorted(name for name in names if not name.startswith("."))


def _natural(name: str) -> tuple[list[str | int], str]:
    """A sort key that compares numbers in names by value: text and numbers alternate."""
    pieces = re.split("([0-9]+)", name)
    return [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)], name
