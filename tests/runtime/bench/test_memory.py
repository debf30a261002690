"""Growth of a process, with and without Linux's reset of the peak."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgewise.runtime.bench import memory
from edgewise.runtime.bench.memory import Memory

SIZE = 200_000_000

# A process of its own: what threads of other tests free in the meantime would hide growth.
_CHILD = """
import sys
from pathlib import Path
import numpy as np
from edgewise.runtime.bench import memory

size, earlier, reset = (int(argument) for argument in sys.argv[1:])
if not reset:
    memory._FORGET_PEAK = Path("none") / "clear_refs", "5"
np.ones(earlier, np.uint8)
was = memory._peak_bytes()
watched = memory.Memory()
print(was - watched._before)
kept = np.ones(size, np.uint8)
if reset:
    del kept
print(watched.grown())
"""


def _grown(*, earlier: int = 1, reset: bool = True) -> tuple[int, int]:
    """By how much the peak was reset, and the growth that was measured, in bytes."""
    command = [sys.executable, "-c", _CHILD, str(SIZE), str(earlier), str(int(reset))]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    forgotten, grown = printed.split()
    return int(forgotten), int(grown)


def test_memory_that_was_freed_again_is_counted() -> None:
    _, grown = _grown()
    assert 0.9 * SIZE < grown < 1.2 * SIZE


def test_an_earlier_peak_is_reset() -> None:
    forgotten, grown = _grown(earlier=2 * SIZE)
    if forgotten < SIZE:
        assert 0 <= grown < 1.2 * SIZE  # a lower bound
        pytest.skip("this system does not reset the peak of a process")
    assert 0.9 * SIZE < grown < 1.2 * SIZE


def test_without_a_reset_growth_is_not_overestimated() -> None:
    _, grown = _grown(reset=False)
    assert 0 <= grown < 1.2 * SIZE


def test_a_kernel_without_peak_falls_back_to_rusage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmRSS:\t  100 kB\n")
    monkeypatch.setattr(memory, "_STATUS", status)
    assert Memory().grown() == 0
