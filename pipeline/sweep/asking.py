"""Has the files of one network made by a process of its own, on this machine."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, cast

from ...runtime.child import ending
from ..progress import Counter


@dataclass(frozen=True, slots=True)
class Made:
    """What a process has answered, how it ended if it gave no answer, and the seconds that it took."""

    answer: Mapping[str, Any]
    ended: str
    seconds: float


def ask(
    request: Mapping[str, Any],
    out: Path,
    counter: Counter,
    timeout_s: float,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Made:
    """Make what a request names, in the folder `out`, with `variables` added to the environment."""
    start = time.perf_counter()
    answer, ended = _asked({**request, "out": str(out / "made")}, out, counter, timeout_s, variables)
    return Made(answer, ended, round(time.perf_counter() - start, 1))


def _asked(
    request: Mapping[str, Any], out: Path, counter: Counter, timeout_s: float, variables: Mapping[str, str]
) -> tuple[dict[str, Any], str]:
    """What the process answers, and how it ended if it gave no answer."""
    command = [sys.executable, "-P", "-m", f"{__package__}.child"]
    temporary = out / "tmp"  # what a process that crashes leaves there goes with the folder
    temporary.mkdir()
    environment = os.environ | {**variables} | {"TMPDIR": str(temporary)}
    pipe = subprocess.PIPE
    log = (out / "log.txt").open("w", encoding="utf-8")
    with (
        log,
        subprocess.Popen(  # noqa: S603
            command, stdin=pipe, stdout=pipe, stderr=log, text=True, env=environment
        ) as process,
    ):
        alarm = threading.Timer(timeout_s, process.kill)
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
        return answer, f"took longer than {timeout_s:g} s"
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


def _last(log: Path) -> str:
    """The last line that the process printed, if any."""
    lines = log.read_text("utf-8", errors="replace").strip().splitlines()
    return f" ({lines[-1].strip()})" if lines else ""
