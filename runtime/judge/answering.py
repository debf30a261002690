"""Let sessions answer a set of pictures, by as many processes as it is worth."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from ...models.spec import Preprocess
from .. import Opening, Session
from ..machine import cores
from .evaluation import Pictures, Progress, answers, unreadable
from .kept import Counting, Kept
from .shards import Wanted, here, shards
from .tally import Tally
from .workers import in_workers

Elsewhere = Callable[[Sequence[Opening], Wanted, Sequence[range]], Iterator[tuple[range, Tally]]]

_WORTH_S = 10.0  # of work left, for which processes are started
_MANY = 4  # shards, of which finished ones are kept
_SAMPLE = 400  # pictures of which logits are kept, where they are wanted


@dataclass(frozen=True, slots=True)
class Means:
    """How pictures are answered: by how many processes at most, all cores by default, and what is kept.

    With `sample`, the tally has the logits of 400 of the pictures. With `resuming`, an evaluation of many
    files that is interrupted continues the next time, and `resuming` is called with a sentence about it.
    `elsewhere` answers shards in place of this machine, where all sessions are of files.
    """

    jobs: int | None = None
    sample: bool = False
    resuming: Callable[[str], None] | None = None
    elsewhere: Elsewhere | None = None


ALL_CORES = Means()


def tallied(
    sessions: Sequence[Session],
    pictures: Pictures,
    preprocess: Preprocess,
    progress: Progress,
    means: Means = ALL_CORES,
) -> Tally:
    """Run every session on every readable picture.

    The first pictures are answered in this process; if many are left, the others get processes of their own,
    where all sessions are of files. What is returned does not depend on it, to the bit.

    Raises:
        EdgewiseError: no picture can be read, or a process has ended before its work.
    """
    if pictures.decided is not None:
        few = answers(sessions, pictures, preprocess, progress)
        return replace(Tally.of(few), sample=few.every(_step(len(few.indices))))
    sampled = range(0, pictures.count, _step(pictures.count)) if means.sample else ()
    wanted = Wanted(pictures, preprocess, sampled)
    parts = shards(pictures.count)
    found: dict[range, Tally] = {}
    sources = _sources(sessions)
    openings = _openings(sources)
    lasting = means.resuming and sources and pictures.files and len(parts) >= _MANY
    kept = Kept(sources, wanted) if lasting else None
    if kept is not None:
        found = kept.read(parts)
    done = sum(map(len, found))
    if done and means.resuming is not None:
        means.resuming(
            f"Continuing after {done:,} of {pictures.count:,} pictures, which an interrupted run has answered"
        )
    left = [part for part in parts if part not in found]
    for part, tally in _answered(sessions, openings, wanted, left, means):
        found[part] = tally
        if kept is not None:
            kept.add(part, tally)
        done += len(part)
        progress(done, pictures.count)
    whole = Tally.joined([found[part] for part in parts])
    if not len(whole.indices):
        raise unreadable(pictures)
    if kept is not None:
        kept.remove()
    return whole


def _step(count: int) -> int:
    """From one picture of the sample to the next."""
    return -(-count // _SAMPLE)


def _sources(sessions: Sequence[Session]) -> list[Opening | Counting]:
    """What decides the answers of each session; empty where that is not known of one of them."""
    found = [
        session if isinstance(session, Counting) else getattr(session, "opening", None)
        for session in sessions
    ]
    return [source for source in found if source] if all(found) else []


def _openings(sources: Sequence[Opening | Counting]) -> list[Opening]:
    """What another process would open; empty where one of the sessions exists in this one alone."""
    found = [source for source in sources if isinstance(source, Opening)]
    return found if len(found) == len(sources) else []


def _answered(
    sessions: Sequence[Session],
    openings: Sequence[Opening],
    wanted: Wanted,
    parts: Sequence[range],
    means: Means,
) -> Iterator[tuple[range, Tally]]:
    """Each shard with its tally, by processes as soon as the first ones show that it takes long."""
    if means.elsewhere is not None and openings:
        yield from means.elsewhere(openings, wanted, parts)
        return
    count = sum(map(len, parts))
    jobs = cores() if means.jobs is None else means.jobs
    start, done = time.monotonic(), 0
    with closing(here(sessions, wanted, parts)) as first:
        for place, (part, tally) in enumerate(first, start=1):
            yield part, tally
            done += len(part)
            long = (time.monotonic() - start) / done * (count - done) > _WORTH_S
            if jobs > 1 and openings and long and len(parts) - place > 1:
                break
        else:
            return
    yield from in_workers(openings, wanted, parts[place:], jobs)
