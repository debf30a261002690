"""The program that a device runs: reads a request, writes events, and starts a worker for each contender.

    python -P -m edgewise.runtime.bench.runner < request.json

It reads the `BenchRequest` from stdin and writes `events` to stdout immediately; what libraries print goes to
stderr. It and its workers exit as soon as nobody reads the events any more. An error is an event too, and
determines the exit code of the program.

The samples come from several launches of the processes: between two of them, times differ by about 1 % for
reasons such as where memory lies, and an interval from one alone is too narrow (Mytkowicz et al., Producing
Wrong Data Without Doing Anything Obviously Wrong, ASPLOS 2009). Within a launch, contenders are interleaved
in rounds. Each runs the same number of inferences, so that samples can be paired by index, and every other
round is in reverse order, so that a slowdown of the machine affects all equally. The time after a switch is
not recorded: for about 10 ms the caches contain the other model's data, and for 40 ms the threads of ONNX
Runtime keep spinning after their last work (both measured). At the end each contender runs alone, quantized
models before float ones, as they stand last in a request.
"""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from math import ceil
from typing import IO, Any, TypeAlias

from ...models.errors import EdgewiseError
from ..child import answering
from .conditions import Watch, conditions, machine
from .observed import Observer, placed
from .process import RefusedError, WorkerProcess, hired
from .request import BenchRequest, Contender

Emit: TypeAlias = Callable[..., None]

_BLOCK_S = 0.2
_SETTLE_S = 0.06
_INTERRUPTED = 130  # as in shells


class _Run:
    """A whole run: launches in which all models take turns, and one in which each is alone."""

    def __init__(self, request: BenchRequest, events: IO[str], emit: Emit) -> None:
        found = machine()
        emit("machine", **asdict(found))
        cpus, chosen = placed(found, request.cpus, request.threads)
        emit("placed", cpus=cpus, chosen=chosen)
        self._request, self._events, self._emit = replace(request, cpus=cpus), events, emit
        self._observer = Observer(cpus)
        self._workers: Sequence[WorkerProcess] = ()
        self._ended_cpu_seconds, self._energy_mj = 0.0, dict[str, float]()

    def measure(self) -> None:
        """Perform it."""
        request, start = self._request, 0.0
        for launch in range(request.launches):
            last = launch == request.launches - 1
            with self._launched(request.contenders, launch) as settled:
                if launch == 0:
                    self._emit("before", **asdict(conditions()))
                    watch, start = Watch(), self._cpu_seconds()
                self._rounds(launch, max(settled))
                if last:
                    others = watch.others(self._cpu_seconds() - start)
                    self._finish()
                    after = asdict(conditions())
                for worker in self._workers:
                    self._emit("closed", contender=worker.place, **worker.ask("close"))
        self._emit("after", others=others, energy_mj=self._energy_mj, **after)
        if request.alone_seconds:
            for place, contender in reversed([*enumerate(request.contenders)]):
                self._alone(place, contender)

    @contextmanager
    def _launched(
        self, contenders: Sequence[Contender], launch: int, first: int = 0
    ) -> Iterator[list[float]]:
        """New processes for `contenders`, opened, checked and warm; the median time of each.

        The first one is at the place `first` of the request. With `launch` -1 they are not announced.
        """
        request, tell = self._request, self._emit if launch >= 0 else _silent
        with hired(contenders, self._events, first) as workers:
            self._workers = workers
            for worker, contender in zip(workers, contenders, strict=True):
                told = asdict(contender) | {"threads": request.threads, "cpus": request.cpus}
                tell("opened", contender=worker.place, launch=launch, **worker.ask("open", **told))
                tell("golden", contender=worker.place, **worker.ask("golden"))
            settled = []
            for worker in workers:
                warm = worker.ask("warm", least=request.warm_ups, seconds=request.warm_up_seconds)
                settled.append(warm["ms"])
                tell("warm", contender=worker.place, warm_ups=warm["warm_ups"])
            yield settled
            self._ended_cpu_seconds += sum(worker.cpu_seconds for worker in workers)
            self._workers = ()

    def _rounds(self, launch: int, slowest_ms: float) -> None:
        """Sample all in turn until each has this launch's part of the number and seconds of samples."""
        request, workers = self._request, self._workers
        runs, seconds = ceil(request.runs / request.launches), request.seconds / request.launches
        settle_seconds, count = _SETTLE_S if len(workers) > 1 else 0.0, _block(slowest_ms)
        done = 0
        while done < runs or min(worker.samples_s for worker in workers) < seconds:
            for worker in workers:
                watch = Watch()
                block = worker.ask("block", count=count, settle_seconds=settle_seconds)
                worker.energy_j += watch.energy_j() or 0.0
                worker.inferences += count + block["unrecorded"]
                worker.samples_s += sum(block["ms"]) / 1000
                seen = self._observer.look()
                told = {"ms": block["ms"], "cpu_ms": block["cpu_ms"], "mhz": seen.mhz if seen else None}
                self._emit("samples", contender=worker.place, launch=launch, **told)
            done += count
            workers = workers[::-1]

    def _finish(self) -> None:
        """What is measured once, in the last launch."""
        for worker in self._workers:
            whole = worker.ask("end_to_end", count=self._request.end_to_end)
            self._emit("end_to_end", contender=worker.place, **whole)
            if worker.energy_j:
                self._energy_mj[str(worker.place)] = 1000 * worker.energy_j / worker.inferences

    def _alone(self, place: int, contender: Contender) -> None:
        """Run one model without pause, and without any other in memory."""
        with self._launched([contender], -1, place) as settled:
            (worker,), count = self._workers, _block(settled[0])
            start = time.monotonic()
            while (spent := time.monotonic() - start) < self._request.alone_seconds:
                block = worker.ask("block", count=count, settle_seconds=0.0)
                seen = self._observer.look()
                told = asdict(seen) if seen else {}
                self._emit("alone", contender=place, at_s=spent, ms=block["ms"], **told)

    def _cpu_seconds(self) -> float:
        """The processor time used by us so far."""
        live = sum(worker.cpu_seconds for worker in self._workers)
        return time.process_time() + self._ended_cpu_seconds + live


def _block(slowest_ms: float) -> int:
    return max(1, int(1000 * _BLOCK_S / slowest_ms))


def _silent(*_: Any, **__: Any) -> None:
    pass


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
        _Run(request, events, emit).measure()
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
