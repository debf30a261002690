"""Runs a function on many items in threads, for libraries that release Python's global lock."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")

_BLOCK = 256  # items queued at a time, which bounds the wait after an interrupt


def in_threads(
    work: Callable[[Item], Done], items: Sequence[Item], progress: Callable[[int, int], None]
) -> list[Done]:
    """`work(item)` for each item, in order, with one thread per CPU; reports `progress(done, total)`."""
    done: list[Done] = []
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(0, len(items), _BLOCK):
            for result in threads.map(work, items[start : start + _BLOCK]):
                done.append(result)
                progress(len(done), len(items))
    return done
