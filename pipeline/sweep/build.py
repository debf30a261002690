"""Makes what the cache lacks, each network in a process of its own."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

from ...export.precision import Precision
from ...runtime.child import ending
from ..progress import Counter, Journal
from .cache import SCHEMA, Cache, CacheEntry
from .figures import SweptFailure, SweptFile
from .plan import SweptNetwork
from .typed import typed


@dataclass(frozen=True, slots=True)
class Task:
    """A file to have: its network and form, its key, and what the key is made of."""

    network: SweptNetwork
    target: str
    precision: Precision
    key: str
    material: dict[str, Any]


class Builder:
    """Builds tasks into a cache; `timeout_s` is the most that the files of one network may take together."""

    def __init__(self, cache: Cache, journal: Journal, timeout_s: float) -> None:
        self._cache, self._journal, self._timeout_s = cache, journal, timeout_s

    def build(self, group: Sequence[Task]) -> dict[str, CacheEntry]:
        """The entries of all tasks of one network by their keys."""
        network, entries = group[0].network, dict[str, CacheEntry]()
        files = f"{len(group)} file{'s' * (len(group) > 1)}"
        with self._journal.stage(f"Make {network.title}, {files}") as counter:
            for tasks in _rectangles(group):
                entries |= self._made(tasks, counter)
        failures = [entry.failure.message for entry in entries.values() if entry.failure]
        for line in dict.fromkeys(failures):
            self._journal.notice(f"{network.title}: {line}")
        return entries

    def _made(self, tasks: Sequence[Task], counter: Counter) -> dict[str, CacheEntry]:
        """Make files of one network in one process, and keep them."""
        with self._cache.work() as out:
            start = time.perf_counter()
            answer, ended = self._asked(tasks, out, counter)
            spent = round(time.perf_counter() - start, 1)
            found: dict[str, CacheEntry] = {}
            for task in tasks:
                entry, bundle = _entry(task, answer, ended, spent)
                self._cache.add(task.key, task.material, entry, bundle)
                found[task.key] = entry
        return found

    def _asked(self, tasks: Sequence[Task], out: Path, counter: Counter) -> tuple[dict[str, Any], str]:
        """What the process answers, and how it ended if it gave no answer."""
        network = tasks[0].network
        request = {
            "name": network.name,
            "settings": dict(network.settings),
            "targets": [*dict.fromkeys(task.target for task in tasks)],
            "precisions": [*dict.fromkeys(str(task.precision) for task in tasks)],
            "out": str(out / "made"),
        }
        command = [sys.executable, "-P", "-m", f"{__package__}.child"]
        temporary = out / "tmp"  # what a process that crashes leaves there goes with the folder
        temporary.mkdir()
        variables = os.environ | {"TMPDIR": str(temporary)}
        pipe = subprocess.PIPE
        log = (out / "log.txt").open("w", encoding="utf-8")
        with (
            log,
            subprocess.Popen(  # noqa: S603
                command, stdin=pipe, stdout=pipe, stderr=log, text=True, env=variables
            ) as process,
        ):
            alarm = threading.Timer(self._timeout_s, process.kill)
            alarm.start()
            try:
                given, answers = cast("tuple[IO[str], IO[str]]", (process.stdin, process.stdout))
                with suppress(OSError):  # it has ended already: its answer is missing
                    print(json.dumps(request, default=str), file=given, flush=True)
                answer = _heard(answers, counter)
                late = not alarm.is_alive()
            finally:
                alarm.cancel()
                process.kill()
        if late:
            return answer, f"took longer than {self._timeout_s:g} s"
        return answer, f"its process ended with {ending(process.returncode)}{_last(out / 'log.txt')}"


def _heard(answers: IO[str], counter: Counter) -> dict[str, Any]:
    """The last line of a process, which says what was made; nothing if it died before."""
    for line in answers:
        try:
            said = json.loads(line)
        except ValueError:
            continue  # half a line of a process that died
        if "files" in said:
            return cast(dict[str, Any], said)
        if said.get("number"):
            counter(said["number"] - 1, said["of"])
    return {}


def _entry(task: Task, answer: dict[str, Any], ended: str, spent: float) -> tuple[CacheEntry, Path | None]:
    """The entry of one file, and the bundle that goes into it."""
    asked = (task.target, str(task.precision))
    made = {(one["target"], one["requested"]): one for one in answer.get("files", ())}.get(asked)
    refused = {(one["target"], one["requested"]): one for one in answer.get("failures", ())}.get(asked)
    file = failure = bundle = None
    if made is not None:
        file, bundle = typed(SweptFile, made["file"], "file"), Path(made["bundle"])
    elif refused is not None:
        failure = typed(SweptFailure, refused["failure"], "failure")
    else:
        failure = SweptFailure(ended, "process_ended", 1, lasts=False)
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    return CacheEntry(SCHEMA, moment, spent, answer.get("peak_rss_bytes"), file, failure), bundle


def _rectangles(group: Sequence[Task]) -> list[list[Task]]:
    """The tasks in as few conversions as possible, each of some targets in the same precisions."""
    wanted: dict[str, list[Task]] = {}
    for task in group:
        wanted.setdefault(task.target, []).append(task)
    together: dict[tuple[Precision, ...], list[Task]] = {}
    for tasks in wanted.values():
        together.setdefault(tuple(task.precision for task in tasks), []).extend(tasks)
    return [*together.values()]


def _last(log: Path) -> str:
    """The last line that the process printed, if any."""
    lines = log.read_text("utf-8", errors="replace").strip().splitlines()
    return f" ({lines[-1].strip()})" if lines else ""
