"""The process of one contender, as the `runner` sees it: it gives orders and waits for answers."""

import json
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, Any, cast

from ...models.errors import EdgewiseError
from ..child import ending
from .request import Contender


class RefusedError(Exception):
    """A worker reported an error; `error` has its kind, message and exit code."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.error = error


class WorkerProcess:
    """The process of one contender, at `place` in the request; it stops if nobody reads `events`."""

    def __init__(self, place: int, contender: Contender, events: IO[str]) -> None:
        command = [sys.executable, "-P", "-m", "edgewise.runtime.bench.worker"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)  # noqa: S603 - ours
        self.place, self._bundle, self._events = place, contender.bundle, events
        self.cpu_seconds, self.samples_s = 0.0, 0.0
        self.inferences, self.energy_j = 0, 0.0

    def ask(self, order: str, **arguments: Any) -> dict[str, Any]:
        """Call its method `order` and return the answer.

        Raises:
            RefusedError: the method failed.
            EdgewiseError: the process died.
            BrokenPipeError: nobody reads our events any more.
        """
        orders, answers = cast("tuple[IO[str], IO[str]]", (self._process.stdin, self._process.stdout))
        try:
            print(json.dumps({"do": order} | arguments), file=orders, flush=True)
        except OSError as error:
            raise self._death() from error
        _wait(answers, self._events)
        line = answers.readline()
        if not line.endswith("\n"):
            raise self._death()
        answer: dict[str, Any] = json.loads(line)
        self.cpu_seconds = answer.pop("cpu_seconds")
        if "error" in answer:
            raise RefusedError(answer["error"])
        return answer

    def end(self) -> None:
        """Kill the process; it has no state worth an orderly shutdown."""
        with suppress(BrokenPipeError), self._process:
            self._process.kill()

    def _death(self) -> EdgewiseError:
        end = ending(self._process.wait())
        why = "perhaps out of memory" if end == "SIGKILL" else "see its output with -v"
        return EdgewiseError(f"{self._bundle}: the measuring process died ({end}), {why}")


def _wait(answers: IO[str], events: IO[str]) -> None:
    """Wait for an answer, and notice if nobody reads the events any more."""
    if not hasattr(select, "poll"):  # Windows: the next event fails instead
        return
    both = select.poll()
    both.register(answers, select.POLLIN)
    both.register(events, 0)  # only hang-ups and errors
    if any(descriptor == events.fileno() for descriptor, _ in both.poll()):
        raise BrokenPipeError


@contextmanager
def hired(contenders: Sequence[Contender], events: IO[str], first: int = 0) -> Iterator[list[WorkerProcess]]:
    """Start a worker for each contender, the first one at that place; none outlives the block."""
    with ExitStack() as stack:
        workers = []
        for place, contender in enumerate(contenders, first):
            workers.append(WorkerProcess(place, contender, events))
            stack.callback(workers[-1].end)
        yield workers
