"""Pictures for evaluating a model: a labelled folder, or generated pictures if there is none."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...models.data.copies import Seen
from ...models.data.folders import labelled_images, part_to_judge, text_order
from ...models.errors import EdgewiseError, UsageError
from ...models.images import picture_name, sha256_of, with_image
from ...models.shapes import EVALUATION_CLUTTER, EVALUATION_SEED, SHAPES, shape_picture
from ...models.sizes import both
from ...models.spec import ModelSpec, Pixels, Preprocess, Tensor32
from ...models.synthetic import dead_leaves
from .. import Session

Progress = Callable[[int, int], None]  # done, total
Read: TypeAlias = Callable[[int, Preprocess], Pixels]


@runtime_checkable
class Parted(Protocol):
    """Reads pictures, and can read some of them alone."""

    def __call__(self, index: int, preprocess: Preprocess) -> Pixels:
        """The cropped picture `index`."""

    def part(self, indices: Sequence[int]) -> Read:
        """What reads the pictures `indices`, numbered from 0, and knows of no others."""


GENERATED = 1200  # pictures of the generated set that judge bundled weights, where nobody says how many
BLOCK = 16  # pictures in memory at a time
_UNLABELLED, _DECIDED = 160, 40
_PHOTOGRAPHS = 500  # without labels: about 300 are needed to show that no answer in a hundred is lost
_BEYOND_CALIBRATION = 1_000_000  # dead leaves from this index on are never used for calibration
_SEARCH_EVERY, _SEARCHED = 5, 240
_FURTHER = 12_000_000  # from here on, for searching only; a multiple of the number of shapes


@dataclass(frozen=True, slots=True)
class Files:
    """Reads picture files."""

    paths: tuple[Path, ...]

    def __call__(self, index: int, preprocess: Preprocess) -> Pixels:
        """The cropped picture `index`; raises as `with_image` does."""
        return with_image(self.paths[index], preprocess.crop)

    def part(self, indices: Sequence[int]) -> "Files":
        """The files `indices` alone."""
        return Files(tuple(self.paths[index] for index in indices))


@dataclass(frozen=True, slots=True)
class Pictures:
    """A set of pictures: `read` crops picture i to (H, W, C); `labels` are their classes or None.

    `generated` pictures are no photographs: without labels they cannot show an accuracy. With `decided`, only
    that many count: those with the widest margin between the first and second logit of the first session.
    Generated pictures are often between two classes, where a tie means nothing. `text_order` has the class
    folders with their classes in the order of their names as text, where that is another one; `notices` are
    sentences about the files.
    """

    description: str
    read: Read
    count: int
    labels: tuple[int, ...] | None = None
    files: tuple[Path, ...] = ()
    decided: int | None = None
    generated: bool = False
    text_order: tuple[tuple[str, int], ...] = ()
    notices: tuple[str, ...] = ()

    def name(self, index: int) -> str:
        """The name of picture `index`: its folder and file, or its number."""
        return picture_name(self.files, index)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Logits (N, classes) of each session for the pictures `indices`; labels are (N,) or None."""

    logits: tuple[Tensor32, ...]
    indices: NDArray[np.int64]
    labels: NDArray[np.int64] | None
    skipped: int

    def every(self, step: int) -> "Answers":
        """The first answer and every `step`-th one from there."""
        labels = None if self.labels is None else self.labels[::step]
        return Answers(
            tuple(side[::step] for side in self.logits), self.indices[::step], labels, self.skipped
        )


def from_folder(folder: Path, spec: ModelSpec) -> Pictures:
    """The pictures of a folder of class folders, or of `val/` if it contains `train/` and `val/`.

    Raises the same errors as `labelled_images`.
    """
    judged = part_to_judge(folder, spec.labels)
    found = labelled_images(judged, spec.labels)
    description = folder.name if judged == folder else f"{folder.name}/{judged.name}"
    files, classes = zip(*found.pairs, strict=True)
    return Pictures(
        description,
        Files(files),
        len(files),
        classes,
        files,
        text_order=text_order(found.folders, len(spec.labels)),
        notices=found.notices,
    )


def shapes(spec: ModelSpec, count: int) -> Pictures:
    """The generated evaluation set of the bundled checkpoint's classes."""
    if spec.labels.names != SHAPES:
        raise UsageError(f"{spec.name}: its classes are not the generated shapes; pass --data DIR")
    labels = tuple(index % len(SHAPES) for index in range(count))
    return Pictures("generated shapes", _shape, count, labels, generated=True)


def unlabelled(seed: int) -> Pictures:
    """Generated dead leaves, different from those for calibration. They measure agreement, not accuracy."""
    return Pictures(
        "generated dead leaves", partial(_leaves, seed), _UNLABELLED, decided=_DECIDED, generated=True
    )


def from_files(files: Sequence[Path]) -> Pictures:
    """The first of `files`, without labels."""
    files = tuple(files[:_PHOTOGRAPHS])
    return Pictures("unlabelled pictures", Files(files), len(files), files=files)


def choose(spec: ModelSpec, data: Path | None, count: int, photos: Sequence[Path], seed: int) -> Pictures:
    """Choose the best available pictures for evaluation.

    In order: the user's labelled pictures; `count` generated shapes, if these are the classes; unlabelled
    `photos`; unlabelled generated pictures.
    """
    if data is not None:
        return from_folder(data, spec)
    if spec.labels.names == SHAPES:
        return shapes(spec, count)
    return from_files(photos) if len(photos) >= _DECIDED else unlabelled(seed)


def split(pictures: Pictures) -> tuple[Pictures, Pictures]:
    """Split pictures of the same kind into disjoint sets for searching and for the verdict.

    Every fifth file in the order of their SHA-256 is for searching, so copies stay together; of generated
    pictures there are always more.
    """
    if not pictures.files:
        count = min(pictures.count, _SEARCHED)
        labels = pictures.labels[:count] if pictures.labels else None
        further = partial(_further, pictures.read)
        return replace(pictures, read=further, count=count, labels=labels), pictures
    rest = for_verdict(pictures)
    chosen = sorted({*range(pictures.count)} - {*rest})
    return take(pictures, chosen), take(pictures, rest)


def for_verdict(pictures: Pictures) -> list[int]:
    """The indices of those of a set of files that `split` leaves for the verdict, ascending."""
    digests = [sha256_of(file) for file in pictures.files]
    searched = frozenset(sorted(set(digests))[::_SEARCH_EVERY])
    return [index for index, digest in enumerate(digests) if digest not in searched]


def take(pictures: Pictures, indices: Sequence[int]) -> Pictures:
    """The pictures `indices` of a set, renumbered from 0."""
    return replace(
        pictures,
        read=part_of(pictures.read, indices),
        count=len(indices),
        labels=pictures.labels and tuple(pictures.labels[index] for index in indices),
        files=pictures.files and tuple(pictures.files[index] for index in indices),
    )


def part_of(read: Read, indices: Sequence[int]) -> Read:
    """What reads the pictures `indices` alone; it can be pickled, and is small, if `read` is so."""
    if isinstance(read, Parted):
        return read.part(indices)
    return partial(_chosen, read, tuple(indices))


def _chosen(read: Read, indices: Sequence[int], index: int, preprocess: Preprocess) -> Pixels:
    return read(indices[index], preprocess)


def _further(read: Read, index: int, preprocess: Preprocess) -> Pixels:
    return read(_FURTHER + index, preprocess)


def refuse_overlap(pictures: Pictures, calibrated: Seen) -> str | None:
    """Refuse pictures that were used for calibration, or copies of them, which bias results.

    Returns:
        A notice where copies cannot be told from pictures that look alike, or were not looked for.

    Raises:
        UsageError: there are such pictures.
    """
    found = calibrated.copies(pictures.files)
    if found.certain:
        which = f"are also calibration pictures (the first is {found.certain[0].name}"
        if len(found.same) < len(found.certain):
            which += f"; {len(found.alike)} by their looks, saved again or resized"
        raise UsageError(
            f"{len(found.certain)} of {pictures.count} evaluation pictures {which}); "
            "remove them from --calib or --data"
        )
    if found.alike:
        return (
            f"{len(found.alike)} of {pictures.count} evaluation pictures look like calibration pictures, and "
            f"like each other (the first is {found.alike[0].name}): copies among them flatter the result"
        )
    if found.blind:
        return (
            "Pictures that were saved again after calibration were not looked for, which needs imagehash. "
            "Run: pip install imagehash"
        )
    return None


def given(pixels: NDArray[np.uint8], description: str) -> Pictures:
    """Pictures that are already cropped, (N, H, W, C)."""
    return Pictures(description, partial(_given, pixels), len(pixels))


def _given(pixels: NDArray[np.uint8], index: int, preprocess: Preprocess) -> Pixels:
    del preprocess
    found: Pixels = pixels[index]
    return found


def answers(
    sessions: Sequence[Session], pictures: Pictures, preprocess: Preprocess, progress: Progress
) -> Answers:
    """Run every session on every readable picture, and keep all logits: for few pictures.

    Raises:
        EdgewiseError: no picture can be read.
    """
    numbers: Sequence[int] = range(pictures.count)
    if pictures.decided is not None:
        # The other sessions only need the pictures that count.
        (alone,), numbers = _answers(sessions[:1], pictures, numbers, preprocess, progress)
        first, second = np.sort(alone, axis=1)[:, :-3:-1].T
        widest = np.argsort(second - first, kind="stable")[: pictures.decided]
        numbers = [numbers[index] for index in widest]
    logits, kept = _answers(sessions, pictures, numbers, preprocess, progress)
    indices = np.asarray(kept)
    labels = None if pictures.labels is None else np.asarray(pictures.labels)[indices]
    return Answers(logits, indices, labels, len(numbers) - len(kept))


def _answers(
    sessions: Sequence[Session],
    pictures: Pictures,
    numbers: Sequence[int],
    preprocess: Preprocess,
    progress: Progress,
) -> tuple[tuple[Tensor32, ...], list[int]]:
    """The logits of each session for the readable ones of the pictures `numbers`, and their numbers."""
    collected: list[tuple[Tensor32, ...]] = []
    kept: list[int] = []
    for done, found in zip(ends(len(numbers)), blocks(sessions, pictures, numbers, preprocess), strict=True):
        kept += found.kept
        collected += [found.logits] if found.kept else []
        progress(done, len(numbers))
    if not kept:
        raise unreadable(pictures)
    return tuple(np.concatenate(parts) for parts in zip(*collected, strict=True)), kept


def unreadable(pictures: Pictures) -> EdgewiseError:
    """The error about a set without any picture that can be read."""
    return EdgewiseError(f"{pictures.description}: none of {pictures.count} pictures can be read")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The readable ones of a few pictures, by their numbers, and the logits of each session for them."""

    kept: list[int]
    logits: tuple[Tensor32, ...]


def ends(count: int) -> list[int]:
    """Where each block of `count` pictures ends."""
    return [min(start + BLOCK, count) for start in range(0, count, BLOCK)]


def blocks(
    sessions: Sequence[Session], pictures: Pictures, numbers: Sequence[int], preprocess: Preprocess
) -> Iterator[Block]:
    """What the sessions answer to the pictures `numbers`, `BLOCK` of them at a time.

    Each session runs in its own thread: engines release the GIL, and one thread per session wastes no time
    waiting for others, as several threads within a session do.
    """
    sessions_once = {id(session): session for session in sessions}  # none in two threads
    before: tuple[list[int], dict[int, Future[Tensor32]]] | None = None
    with ThreadPoolExecutor(len(sessions_once)) as threads:
        for start in range(0, len(numbers), BLOCK):
            # While the sessions answer the last block.
            kept, batch = read_block(pictures, numbers[start : start + BLOCK], preprocess)
            if before is not None:
                yield _answered(*before, sessions)
            asked = {key: threads.submit(session, batch) for key, session in sessions_once.items() if kept}
            before = kept, asked
        if before is not None:
            yield _answered(*before, sessions)


def _answered(kept: list[int], asked: dict[int, Future[Tensor32]], sessions: Sequence[Session]) -> Block:
    return Block(kept, tuple(asked[id(session)].result() for session in sessions if kept))


def read_block(
    pictures: Pictures, numbers: Sequence[int], preprocess: Preprocess
) -> tuple[list[int], Tensor32]:
    """Which of the pictures can be read, and the batch of them."""
    pixels = dict(_readable(pictures, numbers, preprocess))
    if not pixels:
        return [], np.zeros((0, *preprocess.shape), np.float32)
    return [*pixels], preprocess.normalise(np.stack([*pixels.values()]))


def _readable(
    pictures: Pictures, numbers: Iterable[int], preprocess: Preprocess
) -> Iterator[tuple[int, Pixels]]:
    for number in numbers:
        with suppress(EdgewiseError):
            yield number, pictures.read(number, preprocess)


def _shape(index: int, preprocess: Preprocess) -> Pixels:
    side = max(both(preprocess.resize))
    pixels, _ = shape_picture(side, EVALUATION_SEED, index, EVALUATION_CLUTTER)
    return preprocess.crop(Image.fromarray(pixels))


def _leaves(seed: int, index: int, preprocess: Preprocess) -> Pixels:
    pixels = dead_leaves(preprocess.resize, seed, _BEYOND_CALIBRATION + index)
    return preprocess.crop(Image.fromarray(pixels))
