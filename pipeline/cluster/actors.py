"""Shards of an evaluation on actors: each opens the sessions once, reads the pictures itself, sends tallies.

Pictures do not go through Ray, only their paths do, so that its object store stays empty.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ...models.errors import EdgewiseError
from ...runtime import Opening, Session
from ...runtime.child import in_words
from ...runtime.judge.answering import Elsewhere
from ...runtime.judge.evaluation import Files
from ...runtime.judge.shards import Wanted, alone, apart, renumbered
from ...runtime.judge.tally import Tally
from . import node
from .connection import Cluster, ClusterPlan, connected

_LOSSES = 3  # of actors by one shard, after which it is to blame


@contextmanager
def on_cluster(plan: ClusterPlan, paths: Sequence[Path], most: int | None = None) -> Iterator[Elsewhere]:
    """What answers shards on at most so many actors of a cluster, whose nodes see `paths`.

    Raises the same errors as `connected`.
    """
    with connected(plan, paths) as cluster:
        yield partial(_answered, cluster, most)


class _Answerer:
    """Runs on a node: the sessions."""

    def __init__(self, openings: Sequence[Opening], needed: node.Needed) -> None:
        self._openings, self._needed = openings, needed
        self._sessions: list[Session] = []

    def ready(self) -> None:
        """Open the sessions."""
        node.require_same(self._needed)
        self._sessions = [opening.again() for opening in self._openings]

    def answered(self, wanted: Wanted) -> Tally:
        """The tally of some pictures."""
        return alone(self._sessions, wanted)


class _Crew:
    """The actors, and what each of them does: a shard, or None while it opens the sessions."""

    def __init__(self, cluster: Cluster, openings: Sequence[Opening], most: int) -> None:
        self._cluster, self._most = cluster, most
        self._openings = [replace(one, path=one.path.absolute()) for one in openings]
        self.busy: dict[Any, tuple[Any, range | None]] = {}

    def fill(self, left: int) -> None:
        """Start actors for all CPUs that there are now, as far as there is work for them."""
        for _ in range(min(self._cluster.slots, self._most, left) - len(self.busy)):
            actor = self._cluster.actor(_Answerer, self._openings, self._cluster.needed)
            self.busy[actor.ready.remote()] = actor, None

    def dismiss(self, actor: Any) -> None:
        import ray

        ray.kill(actor)


def _answered(
    cluster: Cluster, most: int | None, openings: Sequence[Opening], wanted: Wanted, parts: Sequence[range]
) -> Iterator[tuple[range, Tally]]:
    """Each shard with its tally. What a lost actor had is done by another one.

    Raises:
        EdgewiseError: what a session raises, or one shard has ended several actors.
    """
    import ray
    from ray.exceptions import NodeDiedError, OutOfMemoryError, RayActorError, RayError

    wanted = _absolute(wanted)
    left, losses = [*reversed(parts)], dict.fromkeys(parts, 0)
    crew = _Crew(cluster, openings, most or len(parts))
    try:
        done = 0
        while done < len(parts):
            crew.fill(len(parts) - done)
            ended = cluster.ended([*crew.busy])
            if not ended:
                continue  # all nodes were lost, and one has come
            reference = ended[0]
            actor, shard = crew.busy.pop(reference)
            try:
                found = ray.get(reference)
            except (RayActorError, NodeDiedError, OutOfMemoryError) as error:
                if shard is not None:
                    left.append(shard)
                _count(losses, shard, error)
                continue
            except RayError as error:
                raise _told(error) from error
            if left:
                taken = left.pop()
                crew.busy[actor.answered.remote(apart(wanted, taken))] = actor, taken
            else:
                crew.dismiss(actor)
            if shard is not None:
                done += 1
                yield shard, renumbered(found, shard)
    finally:
        for actor, _ in crew.busy.values():
            crew.dismiss(actor)


def _count(losses: dict[range, int], shard: range | None, error: Exception) -> None:
    key = range(0) if shard is None else shard  # all that did not even open the sessions
    losses[key] = losses.get(key, 0) + 1
    if losses[key] >= _LOSSES:
        what = "opened the models"
        if shard is not None:
            what = f"answered pictures {shard.start} to {shard.stop - 1}"
        raise EdgewiseError(
            f"{_LOSSES} workers of the Ray cluster ended while they {what} "
            f"({next(iter(str(error).splitlines()), '')}); leave out --ray"
        ) from error


def _told(error: Exception) -> EdgewiseError:
    """What an actor has raised, as itself where a user can fix it."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, EdgewiseError):
        return cause
    return EdgewiseError(f"pictures cannot be answered on the Ray cluster: {in_words(cause or error)}")


def _absolute(wanted: Wanted) -> Wanted:
    """The same pictures for a process in another folder."""
    read = wanted.pictures.read
    if not isinstance(read, Files):
        return wanted
    files = Files(tuple(path.absolute() for path in read.paths))
    return replace(wanted, pictures=replace(wanted.pictures, read=files))
