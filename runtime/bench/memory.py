"""The peak memory of this process, as far as the system reports it."""

import sys
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_FORGET_PEAK = Path("/proc/self/clear_refs"), "5"


class Memory:
    """The peak growth of the process since this was created; None if it cannot be measured."""

    def __init__(self) -> None:
        # If an earlier peak cannot be reset, it may hide growth: then this is a lower bound.
        self._read = _peak_bytes if _forget_peak() else _largest_bytes
        self._before = self._read()

    def grown(self) -> int | None:
        """Growth in bytes."""
        now = self._read()
        return None if now is None or self._before is None else now - self._before


def _forget_peak() -> bool:
    with suppress(OSError):
        path, order = _FORGET_PEAK
        path.write_text(order)
        return _peak_bytes() is not None
    return False


def _peak_bytes() -> int | None:
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def _largest_bytes() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
