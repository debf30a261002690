"""Throughput and memory of evaluation by the number of processes.

    uv run python benchmarks/evaluation.py BUNDLE... --data FOLDER [--pictures 500,5000] [--rounds 3]
    uv run python benchmarks/evaluation.py BUNDLE --small 5000,50000

The first measures a bundle's float model and its model on labelled photographs, of which it takes as many as
`--pictures` says, again from the first where FOLDER has fewer. In each round, everything is measured once, in
alternating order: in this process, with one process of its own and with one for each core. A speed-up is the
median over the rounds of the ratio of two times of one round, so that what else the machine does counts less.
CPU time counts nothing else: as long as it stays the same, processes on cores of their own add up.

The second lets `edgewise verify` judge so many small JPEGs, which it makes, and measures the peak memory of
the command and of its largest child. Tables are printed.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from PIL import Image

from edgewise.models.synthetic import dead_leaves
from edgewise.runtime import Opening, open_session
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.judge.answering import Means, tallied
from edgewise.runtime.judge.evaluation import Pictures, from_folder, take
from edgewise.runtime.judge.shards import Wanted, shards
from edgewise.runtime.judge.workers import in_workers
from edgewise.runtime.machine import cores

_DIFFERENT = 100  # small pictures; the others are copies of their files
_SIDE = 64


@dataclass(frozen=True, slots=True)
class Spent:
    """Time on the clock and CPU time of this process and of those that it has waited for, in seconds."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def _measured(found: list[Spent]) -> Iterator[None]:
    start = Spent(time.perf_counter(), _cpu())
    yield
    found.append(Spent(time.perf_counter() - start.wall, _cpu() - start.cpu))


def _cpu() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def throughput(bundle: Bundle, data: Path, count: int, rounds: int) -> str:
    """A row of the table."""
    known = from_folder(data, bundle.spec)
    pictures = take(known, [place % known.count for place in range(count)])
    ways = [
        lambda: _here(bundle, pictures),
        lambda: _apart(bundle, pictures, 1),
        lambda: _apart(bundle, pictures, cores()),
    ]
    spent = [_round(ways, number) for number in range(rounds)]
    here, one, all_ = zip(*spent, strict=True)
    cells = [
        bundle.folder.name,
        f"{count:,}",
        *(f"{count / median(it.wall for it in side):.1f}" for side in (here, one, all_)),
        f"{median(a.wall / b.wall for a, b in zip(one, all_, strict=True)):.2f}",
        f"{median(a.wall / b.wall for a, b in zip(here, all_, strict=True)):.2f}",
        *(f"{1000 * median(it.cpu for it in side) / count:.1f}" for side in (here, one, all_)),
    ]
    return f"| {' | '.join(cells)} |"


def _round(ways: list[Callable[[], None]], number: int) -> list[Spent]:
    """What each way takes, in an order that alternates."""
    found: dict[int, Spent] = {}
    for place in range(len(ways))[:: -1 if number % 2 else 1]:
        spent: list[Spent] = []
        with _measured(spent):
            ways[place]()
        found[place] = spent[0]
    return [found[place] for place in range(len(ways))]


def _here(bundle: Bundle, pictures: Pictures) -> None:
    files = bundle.reference or bundle.model, bundle.model
    sessions = [open_session(file, bundle.target, 2) for file in files]
    tallied(sessions, pictures, bundle.spec.preprocess, lambda *_: None, Means(jobs=1))


def _apart(bundle: Bundle, pictures: Pictures, jobs: int) -> None:
    openings = [Opening(file, bundle.target) for file in (bundle.reference or bundle.model, bundle.model)]
    wanted = Wanted(replace(pictures, notices=()), bundle.spec.preprocess)
    for _ in in_workers(openings, wanted, shards(pictures.count), jobs):
        pass


_CHILD = """
import resource, sys, time
from edgewise.pipeline.verify import verify
start = time.perf_counter()
found = verify(sys.argv[1], data=sys.argv[2])
took = time.perf_counter() - start
peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(took, *peaks, found.verification.agreement.count)
"""


def memory(bundle: Bundle, count: int) -> str:
    """A row of the table: `verify` of so many small pictures."""
    with TemporaryDirectory() as name:
        _small(Path(name), bundle, count)
        command = [sys.executable, "-P", "-c", _CHILD, str(bundle.folder), name]
        done = subprocess.run(command, capture_output=True, check=True, text=True, env=os.environ)
    took, own, children, judged = (float(word) for word in done.stdout.split()[-4:])
    cells = [
        bundle.folder.name,
        f"{judged:,.0f}",
        f"{took:.0f} s",
        f"{judged / took:.0f}",
        f"{own / 1024:.0f} MB",
        f"{children / 1024:.0f} MB" if children else "none",
    ]
    return f"| {' | '.join(cells)} |"


def _small(folder: Path, bundle: Bundle, count: int) -> None:
    """Small JPEGs in folders of the bundle's classes."""
    names = bundle.spec.labels.ids or bundle.spec.labels.names
    first: list[bytes] = []
    for index in range(count):
        file = folder / names[index % len(names)] / f"{index:06}.jpg"
        file.parent.mkdir(exist_ok=True)
        if index < _DIFFERENT:
            Image.fromarray(dead_leaves(_SIDE, 3, index)).save(file, quality=90)
            first.append(file.read_bytes())
        else:
            file.write_bytes(first[index % _DIFFERENT])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bundles", type=Path, nargs="+", metavar="BUNDLE")
    parser.add_argument("--data", type=Path, metavar="FOLDER")
    parser.add_argument("--pictures", type=_numbers, default=[500])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", type=_numbers, default=[])
    given = parser.parse_args()
    bundles = [Bundle.open(folder) for folder in given.bundles]
    if given.data is not None:
        print(
            f"| bundle | pictures | here, 1/s | 1 process, 1/s | {cores()} processes, 1/s | "
            "speed-up over 1 | speed-up over here | CPU ms a picture, here | 1 process | all |"
        )
        print(f"|---|{'---:|' * 9}")
        for bundle in bundles:
            for count in given.pictures:
                print(throughput(bundle, given.data, count, given.rounds), flush=True)
    if given.small:
        print("| bundle | pictures | time | 1/s | peak of verify | peak of its largest child |")
        print(f"|---|{'---:|' * 5}")
        for bundle in bundles:
            for count in given.small:
                print(memory(bundle, count), flush=True)


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
