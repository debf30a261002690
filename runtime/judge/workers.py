"""Answer pictures in processes of their own, each on one core, which decodes and runs engines of one thread.

Run as a program, this module is such a process. It is none of `multiprocessing`, which would import the main
module of the caller again, and so run a script that has no guard. It gets sessions as the files that they
were opened from, and shards as what reads their pictures; a tally of a few numbers for each comes back.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from typing import IO, Self, TextIO, cast

from ...models.errors import EdgewiseError
from .. import Opening
from ..child import answering, ending, in_words
from .shards import Wanted, alone, apart, renumbered
from .tally import Tally

# Libraries for linear algebra would start a thread for each core.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def in_workers(
    openings: Sequence[Opening], wanted: Wanted, shards: Sequence[range], jobs: int
) -> Iterator[tuple[range, Tally]]:
    """Each of `shards` with its tally, as they are finished by `jobs` processes.

    Raises:
        EdgewiseError: what a session raises, or a process has ended before its work.
    """
    count = min(jobs, len(shards))
    idle: SimpleQueue[_Worker] = SimpleQueue()
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker(openings)) for _ in range(count)]
        threads = stack.enter_context(ThreadPoolExecutor(count))
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        for worker in workers:
            stack.callback(worker.kill)  # before all else: threads wait for its answers
            idle.put(worker)

        def answered(shard: range) -> Tally:
            worker = idle.get()
            try:
                return worker.answered(wanted, shard)
            finally:
                idle.put(worker)

        asked = {threads.submit(answered, shard): shard for shard in shards}
        for done in as_completed(asked):
            yield asked.pop(done), done.result()


class _Worker:
    """A process, as seen by the one that has started it."""

    def __init__(self, openings: Sequence[Opening]) -> None:
        command = [sys.executable, "-P", "-m", __name__]  # -P: see runtime/child.py
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | _ONE_THREAD,
            )
        except OSError as error:
            raise EdgewiseError(
                f"no process can be started ({error.strerror or error}); use none: --jobs 1"
            ) from error
        self._orders = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)
        with suppress(OSError):  # the first order says that it has ended
            self._order(tuple(openings))

    def answered(self, wanted: Wanted, shard: range) -> Tally:
        """The tally of a shard of the pictures that are `wanted`."""
        try:
            self._order(apart(wanted, shard))
            found = pickle.load(self._answers)  # noqa: S301 - from the process that this one has started
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise EdgewiseError(
                f"a process that answered pictures ended with {ending(self._process.wait())}; if memory is "
                "short, use fewer of them: --jobs 1"
            ) from error
        if isinstance(found, EdgewiseError):
            raise found
        return renumbered(cast(Tally, found), shard)

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        with suppress(OSError):  # of orders that were not sent
            self._orders.close()
        self._answers.close()
        self._process.wait()

    def _order(self, order: object) -> None:
        pickle.dump(order, self._orders)
        self._orders.flush()


def main() -> None:
    """Be such a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that has started this one ends it
    orders = sys.stdin.buffer
    with answering() as stream, suppress(EOFError, BrokenPipeError):  # then that process has ended
        answers = cast(TextIO, stream).buffer
        openings = pickle.load(orders)  # noqa: S301 - from the process that has started this one
        sessions = None
        while True:
            wanted = pickle.load(orders)  # noqa: S301
            try:
                sessions = sessions or [opening.again() for opening in openings]
                found: Tally | EdgewiseError = alone(sessions, wanted)
            except EdgewiseError as error:
                found = error
            except Exception as error:  # noqa: BLE001 - whatever libraries raise
                found = EdgewiseError(f"pictures cannot be answered: {in_words(error)}")
            pickle.dump(found, answers)
            answers.flush()


if __name__ == "__main__":
    main()
