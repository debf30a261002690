"""Makes what the cache lacks, each network in a process of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...export.precision import Precision
from ..progress import Counter, Journal
from .asking import Made, ask
from .cache import SCHEMA, Cache, CacheEntry
from .figures import SweptFailure, SweptFile
from .plan import SweptNetwork
from .typed import typed


@dataclass(frozen=True, slots=True)
class Task:
    """A file to have: its network and form, its key, and what the key is made of."""

    network: SweptNetwork
    target: str
    precision: Precision
    key: str
    material: dict[str, Any]


class Builder:
    """Builds tasks into a cache; `timeout_s` is the most that the files of one network may take together."""

    def __init__(self, cache: Cache, journal: Journal, timeout_s: float) -> None:
        self._cache, self._journal, self._timeout_s = cache, journal, timeout_s

    def build(self, group: Sequence[Task]) -> dict[str, CacheEntry]:
        """The entries of all tasks of one network by their keys."""
        network, entries = group[0].network, dict[str, CacheEntry]()
        files = f"{len(group)} file{'s' * (len(group) > 1)}"
        with self._journal.stage(f"Make {network.title}, {files}") as counter:
            for tasks in rectangles(group):
                entries |= self._made(tasks, counter)
        complain(self._journal, network, entries.values())
        return entries

    def _made(self, tasks: Sequence[Task], counter: Counter) -> dict[str, CacheEntry]:
        """Make files of one network in one process, and keep them."""
        with self._cache.work() as out:
            return kept(self._cache, tasks, ask(request_of(tasks), out, counter, self._timeout_s))


def request_of(tasks: Sequence[Task]) -> dict[str, Any]:
    """What the process that makes files of one network is asked for."""
    network = tasks[0].network
    return {
        "name": network.name,
        "settings": dict(network.settings),
        "targets": [*dict.fromkeys(task.target for task in tasks)],
        "precisions": [*dict.fromkeys(str(task.precision) for task in tasks)],
    }


def kept(cache: Cache, tasks: Sequence[Task], made: Made) -> dict[str, CacheEntry]:
    """What a process has made, as entries of the cache."""
    found: dict[str, CacheEntry] = {}
    for task in tasks:
        entry, bundle = _entry(task, made)
        cache.add(task.key, task.material, entry, bundle)
        found[task.key] = entry
    return found


def complain(journal: Journal, network: SweptNetwork, entries: Iterable[CacheEntry]) -> None:
    """Say why files of a network could not be made, each reason once."""
    failures = [entry.failure.message for entry in entries if entry.failure]
    for line in dict.fromkeys(failures):
        journal.notice(f"{network.title}: {line}")


def _entry(task: Task, made_of: Made) -> tuple[CacheEntry, Path | None]:
    """The entry of one file, and the bundle that goes into it."""
    answer = made_of.answer
    asked = (task.target, str(task.precision))
    made = {(one["target"], one["requested"]): one for one in answer.get("files", ())}.get(asked)
    refused = {(one["target"], one["requested"]): one for one in answer.get("failures", ())}.get(asked)
    file = failure = bundle = None
    if made is not None:
        file, bundle = typed(SweptFile, made["file"], "file"), Path(made["bundle"])
    elif refused is not None:
        failure = typed(SweptFailure, refused["failure"], "failure")
    else:
        failure = SweptFailure(made_of.ended, "process_ended", 1, lasts=False)
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    return CacheEntry(SCHEMA, moment, made_of.seconds, answer.get("peak_rss_bytes"), file, failure), bundle


def rectangles(group: Sequence[Task]) -> list[list[Task]]:
    """The tasks in as few conversions as possible, each of some targets in the same precisions."""
    wanted: dict[str, list[Task]] = {}
    for task in group:
        wanted.setdefault(task.target, []).append(task)
    together: dict[tuple[Precision, ...], list[Task]] = {}
    for tasks in wanted.values():
        together.setdefault(tuple(task.precision for task in tasks), []).extend(tasks)
    return [*together.values()]
