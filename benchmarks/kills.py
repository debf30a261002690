"""Kills the program with SIGKILL at random moments, and counts what is damaged, lost or left behind.

    uv run python benchmarks/kills.py SOURCES --export 100 --train 100 --bench 100 --store 100

SOURCES is the folder that `fuzz_sources.py` writes. Each kind runs twice to its end, which gives the time to
kill within, and then as often as asked, always into the same place; a training run that was killed continues
with `--resume`. After each kill what lies there is opened, and after the last the command runs to its end
once more, with what is left in the temporary folder made two minutes older. Damaged is a result that cannot
be read, lost one that was there before or that was promised, and left is any file that is not part of the
result after that last run. The table goes to `--table`.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from edgewise.models import checkpoint
from edgewise.models.errors import EdgewiseError
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime.bench.store import Store
from edgewise.runtime.bundle import Bundle

_EDGEWISE = (sys.executable, "-c", "from edgewise.cli.main import main; main()")
_APPEND = """
import sys, uuid
from dataclasses import replace
from pathlib import Path
from edgewise.runtime.bench.received import read
from edgewise.runtime.bench.store import Store

(record, *_), store = read(Path(sys.argv[1])), Store(Path(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    new = replace(record, id=uuid.uuid4().hex)
    store.append(new)
    print(new.id, flush=True)
"""
_CLASSES = ("ant", "bee")
_COLUMNS = ("kills", "while it ran", "damaged", "lost", "left")


@dataclass
class Kind:
    """A command, what must be there after it, and what it may leave."""

    command: Callable[[], tuple[str, ...]]
    place: Path
    require: Callable[[], bool]  # whether there is a result; raises where it is damaged
    lost: Callable[[str], int] = lambda _: 0  # of what the command has promised on standard output
    keeps: bool = True  # what was there before the command
    own: tuple[str, ...] = ()  # what lies in `place` beside the result
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COLUMNS, 0))


def main() -> int:
    """Kill everything as often as asked, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sources", type=Path)
    for name in _KINDS:
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    rows, bad = [], 0
    for name, make in _KINDS.items():
        if not (count := getattr(options, name)):
            continue
        with tempfile.TemporaryDirectory(prefix="kills-") as folder:
            kind = make(options.sources, Path(folder))
            _killed(kind, Path(folder) / "tmp", count, random.Random(f"{options.seed} {name}"))  # noqa: S311
        rows.append(f"| {name} | {' | '.join(str(kind.counts[column]) for column in _COLUMNS)} |")
        bad += sum(kind.counts[column] for column in _COLUMNS[2:])
        print(rows[-1], flush=True)
    text = f"""# Kills

By `uv run python benchmarks/kills.py SOURCES` with seed {options.seed}: SIGKILL at random moments;
the second column counts those before the command had ended.

| | {" | ".join(_COLUMNS)} |
|---|{"---:|" * len(_COLUMNS)}
{chr(10).join(rows)}
"""
    if options.table:
        options.table.write_text(text, "utf-8")
    return int(bad > 0)


def _killed(kind: Kind, temporary: Path, count: int, draw: random.Random) -> None:
    temporary.mkdir()
    _whole(kind, temporary)  # the first also fills caches
    start = time.monotonic()
    _whole(kind, temporary)
    lasted = time.monotonic() - start
    for _ in range(count):
        before = kind.require()
        ran, told = _once(kind, temporary, draw.uniform(0.05, lasted))
        kind.counts["kills"] += 1
        kind.counts["while it ran"] += ran
        try:
            kind.counts["lost"] += (before and kind.keeps and not kind.require()) + kind.lost(told)
        except EdgewiseError as error:
            print(error, file=sys.stderr)
            kind.counts["damaged"] += 1
    for path in temporary.iterdir():
        then = time.time() - 120
        os.utime(path, (then, then))
    _whole(kind, temporary)
    left = [path for path in kind.place.iterdir() if path.name not in kind.own]
    # torch makes a folder of its own when it is imported.
    left += [path for path in temporary.iterdir() if not path.name.startswith("torchinductor_")]
    for path in left:
        print(f"left: {path}", file=sys.stderr)
    kind.counts["left"] += len(left)


def _whole(kind: Kind, temporary: Path) -> None:
    done = subprocess.run(
        kind.command(), env=_environment(temporary), capture_output=True, text=True, check=False
    )
    if done.returncode or not kind.require():
        sys.exit(f"{' '.join(kind.command())}\n{done.stderr}")


def _once(kind: Kind, temporary: Path, after_s: float) -> tuple[bool, str]:
    """Whether it still ran when it was killed with all its children, and what it had printed."""
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            kind.command(),
            env=_environment(temporary),
            stdout=said,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(after_s)
        ran = child.poll() is None
        if ran:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        said.seek(0)
        return ran, said.read()


def _environment(temporary: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(temporary), "XDG_CACHE_HOME": str(temporary.parent / "cache")}


def _export(sources: Path, folder: Path) -> Kind:
    del sources
    place = folder / "place"
    place.mkdir()
    options = ("--weights", "random", "--imgsz", "32", "--to", "onnx", "--int8", "--calib-count", "8")
    command = (
        *_EDGEWISE,
        "export",
        "mobilenetv1_025",
        *options,
        "--min-agreement",
        "0",
        "--out",
        str(place / "out"),
    )
    return Kind(lambda: command, place, lambda: _is_bundle(place / "out"), own=("out",))


def _is_bundle(path: Path) -> bool:
    if path.exists():
        Bundle.open(path).golden()
    return path.exists()


def _train(sources: Path, folder: Path) -> Kind:
    del sources
    for part, first in (("train", 0), ("val", 8)):
        for kind, name in enumerate(_CLASSES):
            classes = folder / "data" / part / name
            classes.mkdir(parents=True)
            for index in range(first, first + 8):
                Image.fromarray(dead_leaves(32, kind, index)).save(classes / f"{index}.png")
    place = folder / "place"
    place.mkdir()
    options = ("--imgsz", "32", "--resize", "32", "--weights", "random", "--batch", "8", "--epochs", "2")
    start = (*_EDGEWISE, "train", "mobilenetv1_025", "--data", str(folder / "data"), *options)
    made, run = place / "run" / checkpoint.CHECKPOINT, place / "run"

    def command() -> tuple[str, ...]:
        if made.exists():
            shutil.rmtree(run)
        again = ("--resume",) if (run / "recipe.json").exists() else ()
        return (*start, *again, "--out", str(run))

    return Kind(command, place, lambda: _is_checkpoint(made), keeps=False, own=(run.name,))


def _is_checkpoint(path: Path) -> bool:
    if path.exists():
        checkpoint.load(path)
    return path.exists()


def _bench(sources: Path, folder: Path) -> Kind:
    place = folder / "place"
    place.mkdir()
    results = place / "results.sqlite"
    options = ("--seconds", "0.2", "--runs", "5", "--launches", "1", "--results", str(results))
    command = (*_EDGEWISE, "bench", str(sources / "onnx"), *options)
    return Kind(lambda: command, place, lambda: _holds_records(results), own=(results.name,))


def _holds_records(path: Path) -> bool:
    return path.exists() and bool(Store(path).select())


def _store(sources: Path, folder: Path) -> Kind:
    place, record = folder / "place", folder / "record.json"
    place.mkdir()
    options = (
        "--seconds",
        "0.2",
        "--runs",
        "5",
        "--launches",
        "1",
        "--json",
        "--results",
        str(folder / "first.sqlite"),
    )
    done = subprocess.run(
        (*_EDGEWISE, "bench", str(sources / "onnx"), *options), capture_output=True, text=True, check=True
    )
    record.write_text(json.dumps(json.loads(done.stdout)))
    results = place / "results.sqlite"

    def lost(told: str) -> int:
        """Records whose `append` had returned."""
        held = {found.id for found in Store(results).select(limit=1_000_000)} if results.exists() else set()
        return sum(line not in held for line in told.split("\n")[:-1])

    command = (sys.executable, "-c", _APPEND, str(record), str(results), "40")
    return Kind(lambda: command, place, lambda: _holds_records(results), lost, own=(results.name,))


_KINDS = {"export": _export, "train": _train, "bench": _bench, "store": _store}


if __name__ == "__main__":
    sys.exit(main())
