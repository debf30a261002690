"""The program that a device runs: reads a request, writes events, and starts a worker for each contender.

    python -P -m edgewise.runtime.bench.runner < request.json

It reads the `BenchRequest` from stdin and writes `events` to stdout immediately; what libraries print goes to
stderr. It and its workers exit as soon as nobody reads the events any more. An error is an event too, and
determines the exit code of the program.

Contenders are interleaved in rounds. Each runs the same number of inferences, so that samples can be paired
by index, and every other round is in reverse order, so that a slowdown of the machine affects all equally.
The time after a switch is not recorded: for about 10 ms the caches contain the other model's data, and for
40 ms the threads of ONNX Runtime keep spinning after their last work (both measured).
"""

import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from typing import IO, Any, TypeAlias, cast

from ...models.errors import EdgewiseError
from ..child import answering, ending
from .conditions import Watch, conditions, machine
from .request import BenchRequest, Contender

Emit: TypeAlias = Callable[..., None]

_BLOCK_S = 0.2
_SETTLE_S = 0.06
_INTERRUPTED = 130  # as in shells


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


def measure(request: BenchRequest, workers: Sequence[WorkerProcess], emit: Emit) -> None:
    """Perform a whole run with the started workers."""
    emit("machine", **asdict(machine()))
    for worker, contender in zip(workers, request.contenders, strict=True):
        told = asdict(contender) | {"threads": request.threads, "cpus": request.cpus}
        emit("opened", contender=worker.place, **worker.ask("open", **told))
        emit("golden", contender=worker.place, **worker.ask("golden"))
    medians_ms = []
    for worker in workers:
        warm = worker.ask("warm", least=request.warm_ups, seconds=request.warm_up_seconds)
        medians_ms.append(warm["ms"])
        emit("warm", contender=worker.place, warm_ups=warm["warm_ups"])
    emit("before", **asdict(conditions()))
    watch, taken_before = Watch(), _cpu_seconds(workers)
    _rounds(request, workers, max(1, int(1000 * _BLOCK_S / max(medians_ms))), emit)
    others = watch.others(_cpu_seconds(workers) - taken_before)
    for worker in workers:
        emit("end_to_end", contender=worker.place, **worker.ask("end_to_end", count=request.end_to_end))
    after = asdict(conditions())
    for worker in workers:
        emit("closed", contender=worker.place, **worker.ask("close"))
    energy_mj = {str(worker.place): 1000 * worker.energy_j / worker.inferences for worker in workers}
    emit("after", others=others, energy_mj={key: value for key, value in energy_mj.items() if value}, **after)


def _rounds(request: BenchRequest, workers: Sequence[WorkerProcess], count: int, emit: Emit) -> None:
    """Sample all in turn until each has the requested number and seconds of samples."""
    settle_seconds = _SETTLE_S if len(workers) > 1 else 0.0
    done = 0
    while done < request.runs or min(worker.samples_s for worker in workers) < request.seconds:
        for worker in workers:
            watch = Watch()
            block = worker.ask("block", count=count, settle_seconds=settle_seconds)
            worker.energy_j += watch.energy_j() or 0.0
            worker.inferences += count + block["unrecorded"]
            worker.samples_s += sum(block["ms"]) / 1000
            emit("samples", contender=worker.place, ms=block["ms"])
        done += count
        workers = workers[::-1]


def _cpu_seconds(workers: Sequence[WorkerProcess]) -> float:
    """The processor time used by us so far."""
    return time.process_time() + sum(worker.cpu_seconds for worker in workers)


@contextmanager
def _hired(request: BenchRequest, events: IO[str]) -> Iterator[list[WorkerProcess]]:
    """Start a worker for each contender; none outlives the block."""
    with ExitStack() as stack:
        workers = []
        for place, contender in enumerate(request.contenders):
            workers.append(WorkerProcess(place, contender, events))
            stack.callback(workers[-1].end)
        yield workers


def main() -> int:
    """The program."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with answering() as events:
            return _serve(events)
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _serve(events: IO[str]) -> int:
    def emit(event: str, **fields: Any) -> None:
        print(json.dumps({"event": event} | fields), file=events, flush=True)

    try:
        request = BenchRequest.from_json(json.load(sys.stdin))
        with _hired(request, events) as workers:
            measure(request, workers, emit)
    except RefusedError as refusal:
        code: int = refusal.error.pop("exit_code")
        emit("error", **refusal.error)
        return code
    except EdgewiseError as error:
        emit("error", kind=type(error).__name__, message=str(error))
        return error.exit_code
    emit("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
