"""Gives commands bad days, and counts what is damaged, lost or left behind.

    unshare -rm uv run python benchmarks/kills.py SOURCES --kills 100 --times 20 --table benchmarks/kills.md

SOURCES is the folder that `fuzz_sources.py` writes. `--kills` is how often each command is killed with
SIGKILL, `--times` how often each of the other days happens; those that mount disks need `unshare` for it.
`--commands` and `--days` choose from both, and `--minutes` bounds each kind of day of each command.

A command runs twice undisturbed, which shows how long it takes and how often its files change, then as often
as asked, always into the same place; a training run that was disturbed continues with `--resume`. Each time
what lies there is opened. In the end it runs undisturbed once more, with what kills left in the temporary
folder made two minutes older. Most runs are forks of a process that has imported the libraries (see
`kills_server.py`), every nineteenth is a process of its own.

Damaged is a result that cannot be read, lost one that was there before or that was promised, and left is any
file that is not part of the result, at once where the command has ended by itself, and after that last run
where it was killed.
"""

import argparse
import json
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from kills_commands import COMMANDS
from kills_days import BAD, COLUMNS, DAYS, ON_DISKS, ROOM, Day, Starts, killed, mounted, used, whole

Found: TypeAlias = dict[str, Any]  # "counts" of COLUMNS and "times", and "moments" of kills


def main() -> int:
    """Disturb everything as often as asked, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sources", type=Path)
    parser.add_argument("--commands", default=",".join(COMMANDS))
    parser.add_argument("--days", default=",".join(DAYS))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    names = options.days.split(",")
    found: dict[tuple[str, str], Found] = {}
    for command in options.commands.split(","):
        found |= _kept(options.results, command, names)
        missing = [name for name in names if (command, name) not in found]
        for name, day in _days(command, missing, options) if missing else ():
            found[command, name] = day
            if options.results:
                options.results.mkdir(parents=True, exist_ok=True)
                (options.results / f"{command}, {name}.json").write_text(json.dumps(day), "utf-8")
            print(_row(command, name, day), flush=True)
    if options.table:
        options.table.write_text(table(found, options.seed), "utf-8")
    return int(any(day["counts"][column] for day in found.values() for column in BAD))


def _kept(results: Path | None, command: str, names: Sequence[str]) -> dict[tuple[str, str], Found]:
    """What an earlier run has found."""
    paths = {name: results / f"{command}, {name}.json" for name in names} if results else {}
    return {
        (command, name): json.loads(path.read_text("utf-8")) for name, path in paths.items() if path.exists()
    }


def _days(command: str, names: Sequence[str], options: argparse.Namespace) -> Iterator[tuple[str, Found]]:
    """The command on each of these days, all in the same place."""
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        place, temporary = Path(folder) / "place", Path(folder) / "tmp"
        place.mkdir()
        temporary.mkdir()
        subject = COMMANDS[command](options.sources.resolve(), Path(folder))
        starts = Starts(subject, temporary)
        lasted = {True: starts.learn(Path(folder) / "modules.json")}  # it also fills caches
        try:
            lasted[False], changes = whole(subject, partial(starts.start, fresh=False))
            for name in names:
                draw = random.Random(f"{options.seed} {command} {name}")  # noqa: S311 - moments, no secrets
                yield name, _counted(Day(subject, temporary, draw, starts, lasted, changes), name, options)
        finally:
            starts.stop()


def _counted(day: Day, name: str, options: argparse.Namespace) -> Found:
    """What happens on one kind of day."""
    undisturbed = partial(day.starts.start, fresh=False)
    times = options.kills if DAYS[name] is killed else options.times
    end = time.monotonic() + 60 * options.minutes
    with mounted(day.subject.place, ROOM) if name in ON_DISKS else nullcontext():
        if name in ON_DISKS:
            whole(day.subject, undisturbed)
            day.bytes = used(day.subject.place)
        while day.counts["times"] < times and time.monotonic() < end:
            day.subject.begin()
            DAYS[name](day)
        day.age()
        whole(day.subject, undisturbed)
        day.require_tidy()
    counts = {column: day.counts[column] for column in ("times", *COLUMNS)}
    return {"counts": counts, "moments": [round(share, 4) for share in day.moments]}


def _row(command: str, name: str, day: Found) -> str:
    return f"| {command} | {name} | {' | '.join(map(str, day['counts'].values()))} |"


def table(found: dict[tuple[str, str], Found], seed: int) -> str:
    """The counts as Markdown."""
    rows = [_row(command, name, day) for (command, name), day in found.items()]
    moments = [
        f"{command} {' / '.join(f'{share:.0%}' for share in statistics.quantiles(day['moments'], n=4))}"
        for (command, _), day in found.items()
        if len(day["moments"]) > 1
    ]
    return f"""# Bad days

By `unshare -rm uv run python benchmarks/kills.py SOURCES` with seed {seed}: how often something happened to
a command, how the command ended where it ended by itself, and what was damaged, lost or left behind.

All kills hit a command that ran, every other one when a file had just appeared, changed or got its name.
A quarter, half and three quarters of them had come at these shares of the time of an undisturbed run:
{", ".join(moments) or "none"}.

| command | what happened | times | {" | ".join(COLUMNS)} |
|---|---|---:|{"---:|" * len(COLUMNS)}
{chr(10).join(rows)}
"""


if __name__ == "__main__":
    sys.exit(main())
