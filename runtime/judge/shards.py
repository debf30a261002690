"""Sets of pictures in shards of one size, whoever answers them, and the tally of each."""

from collections.abc import Container, Generator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from ...models.spec import Preprocess, Tensor32
from .. import Session
from .evaluation import BLOCK, Answers, Block, Pictures, blocks, ends, read_block, take
from .tally import Tally

SHARD = 4 * BLOCK  # pictures whose tally is sent, and kept, as one


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """Pictures to answer, cropped as `preprocess` says, and those of which the logits are kept too."""

    pictures: Pictures
    preprocess: Preprocess
    sampled: Container[int] = ()


def shards(count: int) -> list[range]:
    """The numbers of `count` pictures in shards."""
    return [range(start, min(start + SHARD, count)) for start in range(0, count, SHARD)]


def here(
    sessions: Sequence[Session], wanted: Wanted, parts: Sequence[range]
) -> Generator[tuple[range, Tally]]:
    """Each of some shards with its tally, in turn, answered in this process.

    Pictures are read while the sessions answer the last ones, each in its own thread.
    """
    numbers = [*chain.from_iterable(parts)]
    answered = blocks(sessions, wanted.pictures, numbers, wanted.preprocess)
    for part in parts:
        sizes = np.diff([0, *ends(len(part))]).tolist()
        found = [_tally(next(answered), size, wanted, len(sessions)) for size in sizes]
        yield part, Tally.joined(found)


def apart(wanted: Wanted, shard: range) -> Wanted:
    """The pictures of a shard alone, numbered from 0, as another process gets them."""
    part = replace(take(wanted.pictures, shard), text_order=(), notices=())
    sampled = [place for place, number in enumerate(shard) if number in wanted.sampled]
    return Wanted(part, wanted.preprocess, sampled)


def renumbered(tally: Tally, shard: range) -> Tally:
    """The tally of what `apart` gives, with the numbers that the pictures have in the whole set."""
    numbers = np.asarray(shard, np.int64)
    sample = tally.sample and replace(tally.sample, indices=numbers[tally.sample.indices])
    return replace(tally, indices=numbers[tally.indices], sample=sample)


def alone(sessions: Sequence[Session], wanted: Wanted) -> Tally:
    """The tally of all pictures that are `wanted`, answered in this thread."""
    numbers, parts, start = range(wanted.pictures.count), [], 0
    for end in ends(len(numbers)):
        kept, batch = read_block(wanted.pictures, numbers[start:end], wanted.preprocess)
        logits: tuple[Tensor32, ...] = tuple(session(batch) for session in sessions if kept)
        parts.append(_tally(Block(kept, logits), end - start, wanted, len(sessions)))
        start = end
    return Tally.joined(parts)


def _tally(block: Block, asked: int, wanted: Wanted, sessions: int) -> Tally:
    """The tally of one block, the unit of arithmetic, whoever answers it."""
    labels, skipped = wanted.pictures.labels, asked - len(block.kept)
    if not block.kept:
        return Tally.empty(sessions, skipped, labelled=labels is not None)
    indices = np.asarray(block.kept, np.int64)
    given = None if labels is None else np.asarray([labels[index] for index in block.kept], np.int64)
    found = Tally.of(Answers(block.logits, indices, given, skipped))
    rows = [row for row, index in enumerate(block.kept) if index in wanted.sampled]
    if not rows:
        return found
    logits = tuple(side[rows] for side in block.logits)
    return replace(found, sample=Answers(logits, indices[rows], None if given is None else given[rows], 0))
