"""The files of sweeps beside each other, and those that no other one beats in everything."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...export import targets
from ...models.errors import UsageError
from ..document import document
from ..sweep.cache import Cache
from ..sweep.figures import SweepRow
from ..sweep.record import measured_rows
from .candidates import MEASURED, Candidate, candidates


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MeasuredFiles:
    """The files that sweeps have made, and those of the Pareto front among them."""

    files: tuple[Candidate, ...]
    front: tuple[Candidate, ...]

    def __repr__(self) -> str:
        return f"<MeasuredFiles: {len(self.files)}, of which {len(self.front)} are on the Pareto front>"

    def to_json(self) -> dict[str, Any]:
        """The document `measured`."""
        lists = {"files": self.files, "front": self.front}
        return document("measured", **{name: [asdict(one) for one in some] for name, some in lists.items()})


def measured(paths: Sequence[Path], device: str) -> MeasuredFiles:
    """The files in records and caches of sweeps, with latencies on `device`.

    Raises:
        UsageError: a path is neither, or nothing was made.
    """
    rows = [row for path in paths for row in _rows(path)]
    known = candidates(rows, targets(), device)
    files = [one for one in known if one.size_mb is not None and one.size_mb.source == MEASURED]
    if not files:
        raise UsageError(f"{paths[0]}: has no files of networks at their own size; sweep some first")
    return MeasuredFiles(tuple(files), tuple(front(files)))


def _rows(path: Path) -> list[SweepRow]:
    if path.is_dir():
        return measured_rows([], Cache(path))
    return measured_rows([path], Cache(path.parent))


def front(found: Sequence[Candidate]) -> list[Candidate]:
    """Those that are not dominated, in their order."""
    return [one for one in found if not any(_dominates(other, one) for other in found)]


def _dominates(one: Candidate, other: Candidate) -> bool:
    """Whether `one` is at least as good in every figure of `other`, and better in one of them."""
    better = False
    for mine, its in zip(_figures(one), _figures(other), strict=True):
        if its is None:
            continue
        if mine is None or mine > its:
            return False
        better = better or mine < its
    return better


def _figures(found: Candidate) -> Iterator[float | None]:
    """What counts, each so that less is better."""
    yield None if found.top1 is None else -found.top1.value
    for figure in (found.latency_ms, found.size_mb, found.memory_mb):
        yield None if figure is None else figure.value
