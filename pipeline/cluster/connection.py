"""A connection to a Ray cluster, whose nodes are known to be fit before anything is started on them.

Ray schedules; nothing here does. It is started by its own command, `ray start`, and never by edgewise.
"""

import math
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...models.errors import EdgewiseError, MissingDependencyError, UsageError
from ..request import at_least
from . import node

_GIGABYTE = 1_000_000_000
_CONNECT_S, _ANSWER_S = 5.0, 120.0
_LOOK_S = 5.0  # between two looks at the nodes while tasks run
_PATIENCE_S = 120.0  # for which work waits for a node while none fits
_ON_THE_SAME = "every node needs the same installation of edgewise, and the same files at the same paths"


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """The cluster at `address`, HOST:PORT or 'auto', and what one task takes of a node.

    Ray counts memory but does not measure it: `memory_gb` is what a task is expected to need at its peak.
    """

    address: str
    cpus: int = 1
    memory_gb: float = 4.0

    def __post_init__(self) -> None:
        at_least("ray_cpus", self.cpus, 1)
        at_least("ray_memory", self.memory_gb, 0)
        if math.isinf(self.memory_gb):
            raise UsageError("ray_memory inf: must be a number of GB")
        if self.address != "auto" and _parted(self.address) is None:
            raise UsageError(
                f"{self.address}: is no address of a Ray cluster; run edgewise on one of its machines, and "
                "pass HOST:PORT, which `ray start --head` has shown, or auto"
            )

    @property
    def resources(self) -> dict[str, Any]:
        """The options of a task."""
        return {"num_cpus": self.cpus, "memory": int(self.memory_gb * _GIGABYTE)}


class Cluster:
    """A cluster in use; `needed` is what its nodes have been asked for."""

    def __init__(self, plan: ClusterPlan, needed: node.Needed) -> None:
        self.plan, self.needed = plan, needed

    @property
    def slots(self) -> int:
        """How many tasks the nodes run at once."""
        asked = self.plan.resources
        return sum(_times(asked, one) for one in _nodes())

    def task(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Start a task, which Ray starts again if its process or node is lost."""
        import ray

        remote: Any = ray.remote(function)
        return remote.options(max_retries=3, **self.plan.resources).remote(*arguments)

    def actor(self, kind: type, *arguments: Any) -> Any:
        """Start an actor, which is not started again."""
        import ray

        remote: Any = ray.remote(kind)
        return remote.options(max_restarts=0, **self.plan.resources).remote(*arguments)

    def ended(self, references: Sequence[Any]) -> list[Any]:
        """Those tasks that have ended, at least one of them; none where there are none, once a node fits.

        Raises:
            EdgewiseError: no node that could run a task has been there for two minutes.
        """
        import ray

        last = time.monotonic()
        while True:
            ready: list[Any] = ray.wait([*references], timeout=_LOOK_S)[0] if references else []
            if ready or (self.slots and not references):
                return ready
            if not references:
                time.sleep(_LOOK_S)
            if self.slots:
                last = time.monotonic()
            elif time.monotonic() - last > _PATIENCE_S:
                raise self.too_small()

    def too_small(self) -> EdgewiseError:
        """What is asked for, and what there is."""
        asked = self.plan
        there = "; ".join(
            f"{one['NodeManagerAddress']} has {one['Resources'].get('CPU', 0):g} CPUs and "
            f"{one['Resources'].get('memory', 0) / _GIGABYTE:.1f} GB"
            for one in _nodes()
        )
        return EdgewiseError(
            f"a task is given {asked.cpus} CPUs and {asked.memory_gb:g} GB of memory, and no node of the Ray "
            f"cluster has that ({there or 'it has no nodes'}); pass a smaller --ray-cpus or --ray-memory, "
            "or add a node"
        )


@contextmanager
def connected(plan: ClusterPlan, paths: Sequence[Path], shared: Path | None = None) -> Iterator[Cluster]:
    """Connect to a cluster, all nodes of which see `paths` and can write into the folder `shared`.

    Raises:
        MissingDependencyError: Ray is not installed.
        EdgewiseError: there is no cluster, a node differs, or none is large enough for a task.
    """
    ray = _imported()
    own = not ray.is_initialized()
    if own:
        _connect(ray, plan.address)
    try:
        cluster = Cluster(plan, node.needed(tuple(path.absolute() for path in paths), shared))
        if not cluster.slots:
            raise cluster.too_small()
        _require_fit(ray, cluster.needed)
        yield cluster
    finally:
        if own:
            ray.shutdown()


def _imported() -> Any:
    # Without these, Ray reports its use, and uploads the current folder where `uv run` started edgewise.
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what will be its default: no warning
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError("Work on a Ray cluster", "ray", error.name or "ray") from error
    return ray


def _connect(ray: Any, address: str) -> None:
    place = _parted(address)
    try:
        if place is not None:  # Ray itself would wait for a minute, and log
            socket.create_connection(place, _CONNECT_S).close()
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError) as error:
        said = next(iter(str(error).splitlines()), "")
        raise EdgewiseError(
            f"the Ray cluster at {address} cannot be used ({said}); start one with `ray start --head`, run "
            "edgewise on one of its machines, and pass its HOST:PORT, or auto"
        ) from error


def _require_fit(ray: Any, needed: node.Needed) -> None:
    """Raise an `EdgewiseError` with what is wrong with the nodes."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked: dict[str, Any] = {}
    for one in _nodes():
        there = NodeAffinitySchedulingStrategy(one["NodeID"], soft=False)
        remote: Any = ray.remote(node.answer)
        asked[one["NodeManagerAddress"] + "/" + one["NodeID"][:6]] = remote.options(
            num_cpus=0, max_retries=0, scheduling_strategy=there
        ).remote(needed)
    wrong = []
    for name, reference in asked.items():
        try:
            differences, written = ray.get(reference, timeout=_ANSWER_S)
        except (ray.exceptions.RayError, TimeoutError) as error:
            differences, written = [f"cannot run edgewise ({_last(error)})"], None
        if needed.shared is not None and written and not (needed.shared / written).exists():
            differences = [*differences, f"has another folder at {needed.shared}"]
        wrong += [f"{name} {difference}" for difference in differences]
    if wrong:
        raise EdgewiseError(f"nodes of the Ray cluster differ: {'; '.join(wrong)}. Note that {_ON_THE_SAME}")


def _last(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__


def _nodes() -> list[dict[str, Any]]:
    from ray import nodes

    listed: Callable[[], list[dict[str, Any]]] = nodes
    return [one for one in listed() if one["Alive"]]


def _times(asked: dict[str, Any], one: dict[str, Any]) -> int:
    """How often a node has what is asked for."""
    has = one["Resources"]
    by_cpu = has.get("CPU", 0) // asked["num_cpus"]
    return int(min(by_cpu, has.get("memory", 0) // asked["memory"]) if asked["memory"] else by_cpu)


def _parted(address: str) -> tuple[str, int] | None:
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdecimal()) or "/" in host:
        return None
    return host.strip("[]"), int(port)
