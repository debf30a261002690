"""This machine: the runner as a child process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import IO, cast

from ...models.errors import EdgewiseError, UsageError
from ..bench.request import BenchRequest
from ..child import ending
from . import Event

_LAST = {"done", "error"}


class Local:
    """The machine that edgewise runs on."""

    name = "local"

    def run(self, request: BenchRequest) -> Iterator[Event]:
        """Measure here; see `Device.run`."""
        command, pipe = [sys.executable, "-P", "-m", "edgewise.runtime.bench.runner"], subprocess.PIPE
        # A separate session: Ctrl-C does not reach it or its workers, and all can be killed together.
        runner = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)  # noqa: S603 - ours
        with runner:
            try:
                last = yield from _events(runner, request)
                if last not in _LAST:
                    raise EdgewiseError(
                        f"local: the measuring program died ({ending(runner.wait())}); see its output with -v"
                    )
            finally:
                _end(runner)


def open_device(name: str) -> Local:
    """This machine, whose only name is 'local'.

    Raises:
        UsageError: the name is different.
    """
    if name != Local.name:
        raise UsageError(f"--device {name!r}: this machine is called 'local'")
    return Local()


def _events(runner: "subprocess.Popen[str]", request: BenchRequest) -> Generator[Event, None, str | None]:
    """Yield the events that it sends; return the name of the last one."""
    requests, lines = cast("tuple[IO[str], IO[str]]", (runner.stdin, runner.stdout))
    with suppress(BrokenPipeError), requests:
        json.dump(request.to_json(), requests)
    event: Event = {"event": None}
    for line in lines:
        if line.endswith("\n"):  # otherwise it died in the middle of the line
            event = json.loads(line)
            yield event
    name: str | None = event["event"]
    return name


def _end(runner: "subprocess.Popen[str]") -> None:
    """End it and its workers, which briefly outlive a killed runner."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(runner.pid, signal.SIGKILL)
    runner.kill()
