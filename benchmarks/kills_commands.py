"""The commands that `kills.py` disturbs: what they write, and what has to be there afterwards."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from edgewise.models import checkpoint
from edgewise.models.errors import EdgewiseError
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime.bench.store import Store
from edgewise.runtime.bundle import Bundle

_EDGEWISE = (sys.executable, "-c", "from edgewise.cli.main import main; main()")
_NETWORK = """
from torch import nn

def small():
    layers = nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    return nn.Sequential(*layers)
"""
_APPEND = """
import sys, uuid
from dataclasses import replace
from pathlib import Path
from edgewise.models.errors import EdgewiseError
from edgewise.runtime.bench.received import read
from edgewise.runtime.bench.store import Store

(record, *_), store = read(Path(sys.argv[1])), Store(Path(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    new = replace(record, id=uuid.uuid4().hex)
    try:
        store.append(new)
    except EdgewiseError as error:
        sys.exit(f"edgewise: {error}")
    print(new.id, flush=True)
"""
_CLASSES = ("ant", "bee")
_QUICK = ("--seconds", "0.2", "--runs", "5", "--launches", "1", "--no-float")
_READ = 100  # of the records, as the product reads them


@dataclass(frozen=True, slots=True)
class Subject:
    """A command, what must be there after it, and what it may leave."""

    command: Callable[[], tuple[str, ...]]
    place: Path
    holds: Callable[[], bool]  # whether there is a result; raises an EdgewiseError where it is damaged
    own: str  # what lies in `place` in the end
    lost: Callable[[str], int] = lambda _: 0  # of what was promised on standard output
    keeps: bool = True  # what was there before the command
    begin: Callable[[], None] = lambda: None  # removes a result that it would not make again

    def left(self) -> list[Path]:
        """What lies beside the result."""
        return [path for path in self.place.iterdir() if path.name != self.own]


Make: TypeAlias = Callable[[Path, Path], Subject]  # of the sources and a folder of its own


def _export(sources: Path, folder: Path) -> Subject:
    del sources
    out = folder / "place" / "out"
    options = ("--weights", "random", "--imgsz", "32", "--mean", "0.5", "--std", "0.5", "--to", "onnx")
    more = ("--int8", "--calib-count", "8", "--eval-count", "16", "--min-agreement", "0", "--no-report")
    command = (*_EDGEWISE, "export", f"{_network(folder)}:small", *options, *more, "--out", str(out))
    return Subject(lambda: command, out.parent, lambda: _is_bundle(out), out.name)


def _network(folder: Path) -> Path:
    path = folder / "net.py"
    path.write_text(_NETWORK)
    return path


def _is_bundle(path: Path) -> bool:
    if path.exists():
        Bundle.open(path).golden()
    return path.exists()


def _train(sources: Path, folder: Path) -> Subject:
    """A run that was disturbed continues with `--resume`."""
    del sources
    for part, first in (("train", 0), ("val", 8)):
        for kind, name in enumerate(_CLASSES):
            classes = folder / "data" / part / name
            classes.mkdir(parents=True)
            for index in range(first, first + 8):
                Image.fromarray(dead_leaves(32, kind, index)).save(classes / f"{index}.png")
    run = folder / "place" / "run"
    options = ("--imgsz", "32", "--resize", "32", "--weights", "random", "--batch", "8", "--epochs", "3")
    start = (*_EDGEWISE, "train", f"{_network(folder)}:small", "--data", str(folder / "data"), *options)

    def begin() -> None:
        if (run / checkpoint.CHECKPOINT).exists():
            shutil.rmtree(run)

    def command() -> tuple[str, ...]:
        again = ("--resume",) if (run / "recipe.json").exists() else ()
        return (*start, *again, "--out", str(run))

    def holds() -> bool:
        if (run / checkpoint.CHECKPOINT).exists():
            checkpoint.load(run / checkpoint.CHECKPOINT)
        return (run / checkpoint.CHECKPOINT).exists()

    return Subject(command, run.parent, holds, run.name, keeps=False, begin=begin)


def _bench(sources: Path, folder: Path) -> Subject:
    results = folder / "place" / "results.sqlite"
    command = (*_EDGEWISE, "bench", str(sources / "onnx"), *_QUICK, "--results", str(results))
    return Subject(lambda: command, results.parent, lambda: _holds_records(results), results.name)


def _holds_records(path: Path) -> bool:
    if not path.exists():
        return False
    found = Store(path).select(limit=_READ)
    with closing(sqlite3.connect(path)) as database:
        (told,) = database.execute("PRAGMA integrity_check").fetchone()
    if told != "ok":
        raise EdgewiseError(f"{path}: {told}")
    return bool(found)


def _store(sources: Path, folder: Path) -> Subject:
    record, results = folder / "record.json", folder / "place" / "results.sqlite"
    done = subprocess.run(
        (*_EDGEWISE, "bench", str(sources / "onnx"), *_QUICK, "--json", "--results", str(folder / "first")),
        capture_output=True,
        text=True,
        check=True,
    )
    record.write_text(json.dumps(json.loads(done.stdout)))

    def lost(told: str) -> int:
        """Records whose `append` had returned."""
        promised = {line for line in told.split("\n")[:-1] if line}
        try:
            _holds_records(results)
        except EdgewiseError:
            return len(promised)
        with closing(sqlite3.connect(results)) as database:
            return len(promised - {name for (name,) in database.execute("SELECT id FROM results")})

    command = (sys.executable, "-c", _APPEND, str(record), str(results), "40")
    return Subject(lambda: command, results.parent, lambda: _holds_records(results), results.name, lost)


COMMANDS: dict[str, Make] = {"export": _export, "train": _train, "bench": _bench, "store": _store}


def environment(temporary: Path) -> dict[str, str]:
    """Variables with which temporary files and caches lie where they are looked at."""
    return os.environ | {"TMPDIR": str(temporary), "XDG_CACHE_HOME": str(temporary.parent / "cache")}
