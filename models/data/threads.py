"""The same work on many items at once, where the libraries below let go of Python's lock."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")

_BLOCK = 256  # items that wait for a thread at a time: who interrupts waits for no more


def in_threads(
    work: Callable[[Item], Done], items: Sequence[Item], progress: Callable[[int, int], None]
) -> list[Done]:
    """`work` of each item, in their order, by a thread a processor; `progress` has done and total."""
    done: list[Done] = []
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(0, len(items), _BLOCK):
            for result in threads.map(work, items[start : start + _BLOCK]):
                done.append(result)
                progress(len(done), len(items))
    return done
