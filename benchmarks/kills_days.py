"""The bad days of `kills.py`: a kill, a full disk, a folder that cannot be written, two processes at once."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeAlias

from kills_commands import Subject, environment
from kills_server import Process, Server, noting

from edgewise.models.errors import EdgewiseError

COLUMNS = ("ended well", "clean error", "traceback", "damaged", "lost", "left")
BAD = COLUMNS[2:]
ROOM = 256 << 20  # bytes of a disk that is not full
_POLL_S, _LONG_S = 0.005, 600.0
_FRESH_EVERY = 19  # of all starts; odd, so that those meet kills of both kinds
_TIDY_S = 120.0  # older than what the next run leaves alone


class Starts:
    """Starts a command, most times as a fork of a process that has imported its libraries."""

    def __init__(self, subject: Subject, temporary: Path) -> None:
        self._subject, self._environment = subject, environment(temporary)
        self._server: Server | None = None
        self._count = 0

    def learn(self, path: Path) -> float:
        """Run it undisturbed in a process of its own, and import in the server what that has imported.

        Returns how long that took.
        """
        command = noting(self._subject.command(), path)
        seconds, _ = whole(self._subject, lambda out, err: self._fresh(out, err, command))
        self._server = Server(json.loads(path.read_text("utf-8")), self._environment)
        return seconds

    def stop(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.stop()

    def next_is_fresh(self) -> bool:
        """Whether the next one is a process of its own."""
        return self._count % _FRESH_EVERY == _FRESH_EVERY - 1

    def start(self, out: IO[str], err: IO[str], *, fresh: bool | None = None) -> Process:
        """Start the command, every now and then in a process of its own."""
        if fresh is None:
            fresh = self.next_is_fresh()
            self._count += 1
        if fresh or self._server is None:
            return self._fresh(out, err, self._subject.command())
        return self._server.start(self._subject.command(), out, err)

    def _fresh(self, out: IO[str], err: IO[str], command: tuple[str, ...]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command, env=self._environment, stdout=out, stderr=err, text=True, start_new_session=True
        )


@dataclass
class Day:
    """A command on one kind of bad day: where, how often, and how that ended."""

    subject: Subject
    temporary: Path
    draw: random.Random
    starts: Starts
    lasted_s: dict[bool, float]  # in a process of its own, and as a fork
    changes: int  # of files, while it ran undisturbed
    bytes: int = 0  # that it writes
    counts: Counter[str] = field(default_factory=Counter)
    moments: list[float] = field(default_factory=list)  # of kills, in shares of `lasted_s`

    def tell(self, said: str) -> None:
        """Say what has to be looked at."""
        print(f"{self.subject.own}: {said}", file=sys.stderr, flush=True)

    def ended(self, child: Process, err: IO[str]) -> None:
        """Count how a command ended by itself."""
        err.seek(0)
        said = err.read()
        complaint = said.rstrip().rpartition("\n")[2]
        clean = complaint.startswith("edgewise: ") and not complaint.startswith("edgewise: unexpected")
        if child.returncode == 0:
            self.counts["ended well"] += 1
        elif clean and "Traceback (most recent" not in said:
            self.counts["clean error"] += 1
        else:
            self.counts["traceback"] += 1
            self.tell(f"ended with {child.returncode}: {said[-2000:]}")

    def check(self, before: bool, told: str) -> None:
        """Count what is damaged or lost after something happened."""
        try:
            here = self.subject.holds()
            self.counts["lost"] += before and self.subject.keeps and not here
        except EdgewiseError as error:
            self.tell(f"damaged: {error}")
            self.counts["damaged"] += 1
        self.counts["lost"] += self.subject.lost(told)

    def require_tidy(self) -> None:
        """Count what lies where nothing should; torch makes a folder of its own when it is imported."""
        own = ("torchinductor_",)
        left = [path for path in self.temporary.iterdir() if not path.name.startswith(own)]
        for path in (*self.subject.left(), *left):
            self.tell(f"left: {path}")
            self.counts["left"] += 1

    def age(self) -> None:
        """Make what is left in the temporary folder older."""
        for path in self.temporary.iterdir():
            then = time.time() - _TIDY_S
            os.utime(path, (then, then))


Happen: TypeAlias = Callable[[Day], None]


def whole(subject: Subject, start: Callable[[IO[str], IO[str]], Process]) -> tuple[float, int]:
    """Run the command undisturbed; how long that took, and how often files changed meanwhile."""
    subject.begin()
    begun = time.monotonic()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = start(out, err)
        seen, changes = _state(subject.place), 0
        while child.poll() is None:
            time.sleep(_POLL_S)
            now = _state(subject.place)
            changes, seen = changes + (now != seen), now
        err.seek(0)
        if child.returncode or not subject.holds():
            sys.exit(f"{subject.own}: {err.read()}")
    return time.monotonic() - begun, changes


def killed(day: Day) -> None:
    """SIGKILL to it and its children: at any time, or, every other time, when its files have just changed."""
    kills = day.counts["times"]
    while day.counts["times"] == kills:
        day.subject.begin()
        before = day.subject.holds()
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            lasted = day.lasted_s[day.starts.next_is_fresh()]
            start = time.monotonic()
            child = day.starts.start(out, err)
            if kills % 2:
                _wait_for_change(day, child)
            else:
                time.sleep(day.draw.uniform(0, lasted))
            took = time.monotonic() - start
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                day.counts["times"] += 1
                day.moments.append(took / lasted)
            else:  # it was faster
                child.wait()
                day.ended(child, err)
            out.seek(0)
            day.check(before, out.read())


def _wait_for_change(day: Day, child: Process) -> None:
    left, seen = day.draw.randint(1, max(1, day.changes)), _state(day.subject.place)
    while left and child.poll() is None:
        time.sleep(_POLL_S)
        now = _state(day.subject.place)
        left, seen = left - (now != seen), now
    time.sleep(day.draw.choice((0, 0, day.draw.uniform(0, 0.02))))


def _state(place: Path) -> set[tuple[str, int, int, int]]:
    """What lies there: names, sizes, times and identities of all files."""
    found = set()
    for folder, _, names in os.walk(place):
        for name in (".", *names):
            path = os.path.join(folder, name)  # noqa: PTH118 - a thousand times a second
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                continue
            found.add((path, status.st_size, status.st_mtime_ns, status.st_ino))
    return found


def full(day: Day) -> None:
    """The disk has room for a part of what the command writes."""
    place = day.subject.place
    grown = max(day.bytes, 1 << 14)
    _remount(place, f"size={used(place) + day.draw.randrange(int(1.2 * grown))}")
    _disturbed(day)
    _remount(place, f"size={ROOM}")


def full_temporary(day: Day) -> None:
    """The folder for temporary files has no room, or little."""
    with mounted(day.temporary, day.draw.choice((1 << 12, 1 << 14, 1 << 16, 1 << 17))):
        _disturbed(day)


def read_only(day: Day) -> None:
    """The folder cannot be written to, nor, every other time, that for temporary files."""
    _remount(day.subject.place, "ro")
    with mounted(day.temporary, ROOM) if day.counts["times"] % 2 else nullcontext():
        if day.counts["times"] % 2:
            _remount(day.temporary, "ro")
        _disturbed(day)
    _remount(day.subject.place, "rw")


def together(day: Day) -> None:
    """A second process writes the same, started at any time of the first."""
    before = day.subject.holds()
    with (
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
        tempfile.TemporaryFile("w+") as second_out,
        tempfile.TemporaryFile("w+") as second_err,
    ):
        lasted = day.lasted_s[day.starts.next_is_fresh()]
        first = day.starts.start(out, err)
        time.sleep(day.draw.choice((0, day.draw.uniform(0, lasted))))
        second = day.starts.start(second_out, second_err)
        first.wait(_LONG_S)
        second.wait(_LONG_S)
        day.ended(first, err)
        day.ended(second, second_err)
        out.seek(0)
        second_out.seek(0)
        day.check(before, out.read() + second_out.read())
    day.require_tidy()
    day.counts["times"] += 1


def _disturbed(day: Day) -> None:
    before = day.subject.holds()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = day.starts.start(out, err)
        child.wait(_LONG_S)
        out.seek(0)
        day.ended(child, err)
        day.check(before, out.read())
    day.require_tidy()
    day.counts["times"] += 1


@contextmanager
def mounted(place: Path, size: int) -> Iterator[None]:
    """With a disk in memory there."""
    _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(place))


def _remount(place: Path, options: str) -> None:
    _run("mount", "-o", f"remount,{options}", str(place))


def _run(program: str, *arguments: str) -> None:
    subprocess.run((shutil.which(program) or program, *arguments), check=True)


def used(place: Path) -> int:
    """Bytes that are taken on the disk."""
    found = os.statvfs(place)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


ON_DISKS = ("a full disk", "a read-only folder")  # of their own
DAYS: dict[str, Happen] = {
    "a kill": killed,
    "a full disk": full,
    "a full temporary folder": full_temporary,
    "a read-only folder": read_only,
    "two processes at once": together,
}
