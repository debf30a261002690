"""Fixtures for processes that must not be left running."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def descendants() -> Callable[..., list[int]]:
    """A function that returns the running descendants of a process that run a given module."""

    def find(pid: int, module: str = "") -> list[int]:
        children: dict[int, list[int]] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent, *_ = path.read_text().rpartition(")")[2].split()
            except OSError:  # it has ended in the meantime
                continue
            if state != "Z":
                children.setdefault(int(parent), []).append(int(path.parent.name))
        pending, found = [pid], []
        while pending:
            next_ones = children.get(pending.pop(), [])
            pending += next_ones
            found += next_ones
        return [one for one in found if module in Path(f"/proc/{one}/cmdline").read_text()]

    return find


@pytest.fixture
def gone() -> Callable[..., bool]:
    """A function that returns whether processes end within some seconds."""

    def wait(pids: list[int], patience_s: float = 10) -> bool:
        end = time.monotonic() + patience_s
        while any(Path(f"/proc/{pid}/exe").exists() for pid in pids):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    return wait
