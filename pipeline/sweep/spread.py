"""Makes what the cache lacks on a Ray cluster: a network is a task, which starts the same process as here.

Nodes write into the cache's own folder, and the sweep alone moves what they have made to its place. Latencies
are none of their business: the sweep measures them itself in the end, when no task of its own runs.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...models.errors import EdgewiseError
from ...runtime.child import in_words
from ..cluster.connection import Cluster, ClusterPlan, connected
from ..cluster.node import Needed, require_same
from ..progress import Journal, silent
from .asking import Made, ask
from .build import Task, complain, kept, rectangles, request_of
from .cache import Cache, CacheEntry
from .plan import PATHS, SweptNetwork

_END_S = 20.0  # for the processes of an interrupted sweep to end


class SpreadBuilder:
    """Builds tasks into a cache on the nodes of a cluster; a network may take `timeout_s`."""

    def __init__(self, plan: ClusterPlan, cache: Cache, journal: Journal, timeout_s: float) -> None:
        self._plan, self._cache, self._journal, self._timeout_s = plan, cache, journal, timeout_s

    def build(self, groups: Sequence[Sequence[Task]]) -> dict[str, CacheEntry]:
        """The entries of all tasks by their keys.

        Raises:
            EdgewiseError: the cluster cannot be used, or has lost all nodes that are large enough.
        """
        parts = [tasks for group in groups for tasks in rectangles(group)]
        if not parts:
            return {}
        paths = [*dict.fromkeys(path for group in groups for path in _paths(group[0].network))]
        with self._cache.work() as work:
            shared = work.absolute()  # nodes work in other folders
            token = shared / "token"
            token.write_text(shared.name, "utf-8")
            with ExitStack() as stack:
                with self._journal.stage(f"Look at the Ray cluster at {self._plan.address}"):
                    cluster = stack.enter_context(connected(self._plan, [*paths, token], shared))
                return self._spread(cluster, parts, shared)

    def _spread(
        self, cluster: Cluster, parts: Sequence[Sequence[Task]], shared: Path
    ) -> dict[str, CacheEntry]:
        entries, count = dict[str, CacheEntry](), sum(map(len, parts))
        title = f"Make {count} file{'s' * (count > 1)} on the Ray cluster, {cluster.slots} at a time"
        with self._journal.stage(title) as counter, _started(self._jobs(cluster, parts, shared)) as waiting:
            while waiting:
                counter(len(entries), count)
                for reference in cluster.ended([*waiting]):
                    tasks = waiting.pop(reference)
                    found = kept(self._cache, tasks, _outcome(reference))
                    complain(self._journal, tasks[0].network, found.values())
                    entries |= found
        return entries

    def _jobs(
        self, cluster: Cluster, parts: Sequence[Sequence[Task]], shared: Path
    ) -> Iterator[tuple[Any, Sequence[Task]]]:
        for tasks in parts:
            absolute = replace(tasks[0], network=_absolute(tasks[0].network))
            request = request_of([absolute, *tasks[1:]]) | {"jobs": self._plan.cpus}
            yield cluster.task(_make, request, shared, self._timeout_s, cluster.needed), tasks


@contextmanager
def _started(jobs: Iterator[tuple[Any, Sequence[Task]]]) -> Iterator[dict[Any, Sequence[Task]]]:
    """The tasks that run, which end with the block, also where it is interrupted."""
    import ray

    waiting: dict[Any, Sequence[Task]] = {}
    try:
        waiting |= jobs
        yield waiting
    finally:
        for reference in waiting:
            ray.cancel(reference, force=True)  # only so, because a task waits for its process
        if waiting:
            ray.wait([*waiting], num_returns=len(waiting), timeout=_END_S)


def _make(request: Mapping[str, Any], shared: Path, timeout_s: float, needed: Needed) -> Made:
    """Runs on a node. A task that is started again gets a folder of its own."""
    require_same(needed)
    threads = str(request["jobs"])  # Ray sets it where it is unset; it must fit the CPUs in any case
    out = Path(tempfile.mkdtemp(dir=shared))
    return ask(request, out, silent, timeout_s, {"OMP_NUM_THREADS": threads})


def _outcome(reference: Any) -> Made:
    """What a task has returned, or why it has not."""
    import ray

    try:
        found: Made = ray.get(reference)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        said = str(cause) if isinstance(cause, EdgewiseError) else in_words(cause or error)
        return Made({}, f"its task on the Ray cluster failed: {said}", 0.0)
    return found


def _paths(network: SweptNetwork) -> list[Path]:
    """The files and folders of a network."""
    file = network.name.rpartition(":")[0] or network.name
    named = [file, network.name, *(str(network.settings[key]) for key in PATHS if key in network.settings)]
    return [path for name in named if name and (path := Path(name).expanduser()).exists()]


def _absolute(network: SweptNetwork) -> SweptNetwork:
    """The same network for a process in another folder."""
    settings = {
        key: str(path.absolute())
        if key in PATHS and (path := Path(str(value)).expanduser()).exists()
        else value
        for key, value in network.settings.items()
    }
    file, colon, factory = network.name.rpartition(":")
    name = network.name
    if Path(name).exists():
        name = str(Path(name).absolute())
    elif colon and Path(file).is_file():
        name = f"{Path(file).absolute()}:{factory}"
    return SweptNetwork(name, settings)
