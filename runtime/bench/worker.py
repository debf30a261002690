"""The process for one model: it opens and measures the model on orders from the `runner`.

    python -P -m edgewise.runtime.bench.worker

Orders come on stdin and answers go to stdout, one JSON object per line: {"do": "block", "count": 40} calls
`Worker.block(count=40)`. An answer is the method's result plus `cpu_seconds`, the processor time used by the
process so far; or, if the order fails, {"error": {"kind": .., "message": .., "exit_code": ..}}.
"""

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...models.errors import EdgewiseError, UsageError
from ...models.images import read_image
from .. import EngineSession, open_session, runtime
from ..child import answering
from ..judge.golden import prepared
from ..judge.stats import softmax, top_k
from .memory import Memory
from .request import Contender
from .subject import Subject

_TO_SETTLE = 2  # inferences after the first, while ONNX Runtime plans its memory
_BEST = 5
_MS = 1e-6  # of a nanosecond


class Worker:
    """One model; the methods are in the order in which they are called."""

    def open(self, threads: int, cpus: list[int] | None, **contender: Any) -> dict[str, Any]:
        """Load the model and run the bundle's golden picture once.

        The engine's library is loaded before and not timed: one load serves any number of models.
        """
        if cpus is not None:
            _stay_on(cpus)
        self._subject = Subject.of(Contender(**contender))
        self._bundle = self._subject.bundle
        self._golden = self._bundle.golden()
        runtime(self._bundle.target).version()
        memory = Memory()
        start = time.perf_counter_ns()
        self._session: EngineSession = open_session(self._subject.path, self._bundle.target, threads)
        loaded = time.perf_counter_ns()
        self._call = self._session.loop(self._golden.input)
        first = _times(self._call, 1)[0]
        _times(self._call, _TO_SETTLE)
        self._peak_bytes = memory.grown()
        return {
            "model": asdict(self._subject.model),
            "engine": asdict(self._session.engine()),
            "load_ms": (loaded - start) * _MS,
            "first_ms": first * _MS,
        }

    def golden(self) -> dict[str, Any]:
        """Check that the output is the same as on the exporting machine."""
        output = self._session(prepared(self._bundle, self._golden))
        return asdict(self._subject.judged(output))

    def warm(self, least: int, seconds: float) -> dict[str, Any]:
        """Run for at least `least` inferences and `seconds`; return the median and the total number."""
        spent = self._run(least, seconds)
        return {"warm_ups": 1 + _TO_SETTLE + len(spent), "ms": sorted(spent)[len(spent) // 2] * _MS}

    def block(self, count: int, settle_seconds: float) -> dict[str, Any]:
        """The times of `count` inferences, after at least one inference and `settle_seconds`.

        Beside them stands the CPU time of the calling thread, which does all the work if there is one thread.
        """
        unrecorded = len(self._run(1, settle_seconds))
        wall, own = _both_times(self._call, count)
        return {
            "ms": [spent * _MS for spent in wall],
            "cpu_ms": [spent * _MS for spent in own],
            "unrecorded": unrecorded,
        }

    def _run(self, least: int, seconds: float) -> list[int]:
        spent: list[int] = []
        end = time.perf_counter() + seconds
        while len(spent) < least or time.perf_counter() < end:
            spent += _times(self._call, 1)
        return spent

    def end_to_end(self, count: int) -> dict[str, Any]:
        """The times of `count` end-to-end runs: from the encoded picture to the top classes."""
        path = self._bundle.folder / "golden/image.png"

        def whole() -> None:
            picture = self._bundle.spec.preprocess(read_image(path))[None]
            probabilities = softmax(self._session(picture))
            top_k(probabilities, _BEST)

        if count:
            whole()
        return {"ms": [spent * _MS for spent in _times(whole, count)]}

    def close(self) -> dict[str, Any]:
        """Return what is known at the end."""
        return {"peak_rss_bytes": self._peak_bytes}


def _times(call: Callable[[], None], count: int) -> list[int]:
    """Nanoseconds of each of `count` calls, see `_both_times`."""
    return _both_times(call, count)[0]


def _both_times(call: Callable[[], None], count: int) -> tuple[list[int], list[int]]:
    """Nanoseconds of each of `count` calls on the clock on the wall, and in CPU time of this thread.

    Between two calls only the clocks are read. The thread's is the slower one, so it is read outside.
    """
    clock, own_clock = time.perf_counter_ns, time.thread_time_ns
    wall, own = [0] * count, [0] * count
    gc.disable()
    for place in range(count):
        own_start = own_clock()
        start = clock()
        call()
        wall[place] = clock() - start
        own[place] = own_clock() - own_start
    gc.enable()
    return wall, own


def _stay_on(cpus: list[int]) -> None:
    """Pin this process to `cpus`: its threads (NumPy has some) and all that they start."""
    if not hasattr(os, "sched_setaffinity"):
        raise UsageError("--cpus: this system cannot pin a process to processors; leave it out")
    with suppress(OSError, ValueError, OverflowError):  # none of them exists
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), cpus)
    if os.sched_getaffinity(0) != set(cpus):
        there = ",".join(map(str, sorted(os.sched_getaffinity(os.getppid()))))
        raise UsageError(f"--cpus {','.join(map(str, cpus))}: choose from this machine's {there}")


def main() -> int:
    """Execute orders until stdin ends, which also happens when the runner exits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is handled by the runner
    worker = Worker()
    with suppress(BrokenPipeError), answering() as answers:
        for line in sys.stdin:
            order = json.loads(line)
            try:
                answer = getattr(worker, order.pop("do"))(**order)
            except EdgewiseError as error:
                told = {"kind": type(error).__name__, "message": str(error), "exit_code": error.exit_code}
                answer = {"error": told}
            print(json.dumps(answer | {"cpu_seconds": time.process_time()}), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
