"""Gives commands bad days, and counts what is damaged, lost or left behind.

    unshare -rm uv run python benchmarks/kills.py SOURCES --kills 100 --times 20 --table benchmarks/kills.md

SOURCES is the folder that `fuzz_sources.py` writes. `--kills` is how often each command is killed with
SIGKILL, `--times` how often each of the other days happens; those that mount disks need `unshare` for it.
`--commands` and `--days` choose from both.

A command runs twice undisturbed, which shows how long it takes and how often its files change, then as often
as asked, always into the same place; a training run that was disturbed continues with `--resume`. Each time
what lies there is opened. In the end it runs undisturbed once more, with what kills left in the temporary
folder made two minutes older.

Damaged is a result that cannot be read, lost one that was there before or that was promised, and left is any
file that is not part of the result, at once where the command has ended by itself, and after that last run
where it was killed.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeAlias

from kills_commands import COMMANDS
from kills_days import BAD, COLUMNS, DAYS, ON_DISKS, ROOM, Day, killed, mounted, used, whole

Found: TypeAlias = dict[str, Any]  # "counts" of COLUMNS and "times", and "moments" of kills


def main() -> int:
    """Disturb everything as often as asked, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sources", type=Path)
    parser.add_argument("--commands", default=",".join(COMMANDS))
    parser.add_argument("--days", default=",".join(DAYS))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    found = {}
    for name in options.days.split(","):
        for command in options.commands.split(","):
            times = options.kills if DAYS[name] is killed else options.times
            kept = options.results and options.results / f"{command}, {name}.json"
            if kept and kept.exists():
                day = json.loads(kept.read_text("utf-8"))
            else:
                day = _day(command, name, options.sources.resolve(), times, options.seed)
                if kept:
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    kept.write_text(json.dumps(day), "utf-8")
            found[command, name] = day
            print(_row(command, name, day), flush=True)
    if options.table:
        options.table.write_text(table(found, options.seed), "utf-8")
    return int(any(day["counts"][column] for day in found.values() for column in BAD))


def _day(command: str, name: str, sources: Path, times: int, seed: int) -> Found:
    """The command on one kind of day, `times` times."""
    draw = random.Random(f"{seed} {command} {name}")  # noqa: S311 - moments, no secrets
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        place, temporary = Path(folder) / "place", Path(folder) / "tmp"
        place.mkdir()
        temporary.mkdir()
        with mounted(place, ROOM) if name in ON_DISKS else nullcontext():
            subject = COMMANDS[command](sources, Path(folder))
            whole(subject, temporary)  # the first also fills caches
            first = used(place)
            lasted, changes = whole(subject, temporary)
            day = Day(subject, temporary, draw, lasted, changes, first)
            while day.counts["times"] < times:
                DAYS[name](day)
            day.age()
            whole(subject, temporary)
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
