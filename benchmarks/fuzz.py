"""Opens mutated bundles, checkpoints and pictures, each in a child process, and counts how that ends.

    uv run python benchmarks/fuzz.py SOURCES --bundles 2500 --checkpoints 125 --pictures 125 --seeds 0,1,2,3

SOURCES is a folder with bundles of small models, `*.safetensors` and `*.pth` files and pictures, which stay
as they are. `benchmarks/fuzz_sources.py FOLDER` writes one. Digests of mutated bundles are made right, so
that what is behind them is tested. The counts are for each seed, and `--first` leaves out those with lower
numbers. A mutant is drawn from the seed and its
number: `--only 0:bundles:123` repeats one and shows what it raises.

Most mutants are opened by the function that a command calls, in a forked child. One in `--command-every` goes
through the program instead, with the child processes that it starts.

What was found is kept in the folder `--results` as it comes. A run that is continued repeats what ended
badly, and several processes may share the folder, each with seeds of its own. The table goes to `--table`.
The exit code is 1 if anything ended otherwise than well or with an error of edgewise that says what is wrong.
"""

import argparse
import json
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from fuzz_cases import GROUPS, warm
from fuzz_children import GOOD, KINDS, LIMIT_S, forked, preload, preload_torch


@dataclass(frozen=True, slots=True)
class Found:
    """How one mutant ended."""

    group: str
    number: int
    what: str
    by_command: bool
    kind: str
    seconds: float


def main() -> int:
    """Run everything and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sources", type=Path)
    for name in GROUPS:
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--command-every", type=int, default=50)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_CACHE_HOME"] = str(Path(name) / "cache")
        found: list[Found] = []
        for group in GROUPS:
            for seed in options.seeds.split(","):
                found += _all_of(group, seed, options, Path(name))
    text = table(found, options.seeds)
    print(text)
    if options.table:
        options.table.write_text(text, "utf-8")
    return int(any(mutant.kind not in GOOD for mutant in found))


def _all_of(group: str, seed: str, options: argparse.Namespace, place: Path) -> Iterator[Found]:
    """The mutants of a group and a seed, those that are still missing made now."""
    results = options.results or place
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{seed}.jsonl"
    known = {(found.group, found.number): found for found in _kept(path) if found.kind in GOOD}
    with path.open("a", encoding="utf-8") as file:
        for number in range(options.first, getattr(options, group)):
            name = f"{seed}:{group}:{number}"
            if options.only and options.only != name:
                continue
            found = None if options.only else known.get((group, number))
            if found is None:
                _prepare(group, options.sources)
                by_command = number % options.command_every == 0
                found, told = _one(options.sources, place / "work", name, by_command=by_command)
                print(json.dumps(asdict(found)), file=file, flush=True)
                if found.kind not in GOOD or options.only:
                    print(f"{name} {found.what}: {found.kind}\n{told}", flush=True)
            yield found


def _kept(path: Path) -> Iterator[Found]:
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            yield Found(**json.loads(line))


@cache
def _prepare(group: str, sources: Path) -> None:
    """Import and draw once what each child of the group would."""
    if group == "bundles":
        preload()
        warm(sources)
    elif group == "checkpoints":
        preload_torch()


def _one(sources: Path, work: Path, name: str, *, by_command: bool) -> tuple[Found, str]:
    """How the mutant called SEED:GROUP:NUMBER ended, and what it said."""
    seed, group, number = name.split(":")
    start = time.monotonic()
    work.mkdir()
    draw = random.Random(f"{seed} {group} {number}")  # noqa: S311 - mutants, no secrets
    mutant = GROUPS[group](sources, work, draw)
    kind, told = forked(mutant.run if by_command else mutant.call)
    shutil.rmtree(work)
    return Found(group, int(number), mutant.what, by_command, kind, round(time.monotonic() - start, 3)), told


def table(found: Iterable[Found], seeds: str) -> str:
    """The counts as Markdown."""
    found = list(found)
    counts = Counter((mutant.group, mutant.what, mutant.kind) for mutant in found)
    rows = []
    for group, what in sorted({(group, what) for group, what, _ in counts}):
        cells = [counts[group, what, kind] for kind in KINDS]
        rows.append(f"| {group} | {what} | {sum(cells)} | {' | '.join(map(str, cells))} |")
    for name, some in (
        ("all", found),
        ("of them by the program", [mutant for mutant in found if mutant.by_command]),
    ):
        total = [sum(mutant.kind == kind for mutant in some) for kind in KINDS]
        rows.append(f"| {name} | | {sum(total)} | {' | '.join(map(str, total))} |")
    minutes = sum(mutant.seconds for mutant in found) / 60
    return f"""# Mutated files

By `uv run python benchmarks/fuzz.py SOURCES` with the seeds {seeds}, in {minutes:.0f} minutes
on {platform.machine()}: how opening them ended. A hang takes more than {LIMIT_S:g} s (as much longer as
others keep the processors busy), memory is more than 4 GiB. A wrong answer is a mutant that `verify`, `gate`
or `android` accepts and that answers less than three quarters of 24 pictures like the original, that any
command accepts with other class names, or for which the program prints control characters.

| | what was changed | count | {" | ".join(KINDS)} |
|---|---|{"---:|" * (len(KINDS) + 1)}
{chr(10).join(rows)}
"""


if __name__ == "__main__":
    sys.exit(main())
