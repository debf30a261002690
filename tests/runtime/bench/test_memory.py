"""Growth of a process, with and without Linux's reset of the peak."""

import gc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgewise.runtime.bench import memory
from edgewise.runtime.bench.memory import Memory

SIZE = 200_000_000


@pytest.fixture(autouse=True)
def _nothing_else_is_freed() -> Iterator[None]:
    """What earlier tests left behind would otherwise be freed in the middle, and hide growth."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_memory_that_was_freed_again_is_counted() -> None:
    watched = Memory()
    np.ones(SIZE, np.uint8)
    grown = watched.grown()
    assert grown is not None
    assert 0.9 * SIZE < grown < 1.2 * SIZE


def test_an_earlier_peak_is_reset() -> None:
    np.ones(2 * SIZE, np.uint8)
    watched = Memory()
    np.ones(SIZE, np.uint8)
    grown = watched.grown()
    assert grown is not None
    assert 0.9 * SIZE < grown < 1.2 * SIZE


def test_without_a_reset_growth_is_not_overestimated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_FORGET_PEAK", (tmp_path / "none" / "clear_refs", "5"))
    watched = Memory()
    kept = np.ones(SIZE, np.uint8)
    grown = watched.grown()
    assert grown is not None
    assert 0 <= grown < 1.2 * kept.nbytes
    assert kept.all()


def test_a_kernel_without_peak_falls_back_to_rusage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmRSS:\t  100 kB\n")
    monkeypatch.setattr(memory, "_STATUS", status)
    assert Memory().grown() == 0
