"""Read small files of Linux's /proc and /sys; what is missing or cannot be read is None."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")


def text(path: Path) -> str | None:
    """The content; strings of device trees end with a zero."""
    try:
        return path.read_text().strip("\0 \n")
    except (OSError, ValueError):
        return None


def number(path: Path) -> int | None:
    """The content as a whole number."""
    found = text(path)
    return int(found) if found and found.removeprefix("-").isdecimal() else None


def by_core(root: Path, name: str, kind: Callable[[str], _T], off: _T) -> tuple[_T, ...] | None:
    """The file `name` of each core, `off` where a core lacks it; None if no core has it."""
    folder = root / "sys/devices/system/cpu"
    cores = sorted((path for path in folder.glob("cpu[0-9]*")), key=lambda path: int(path.name[3:]))
    texts = [text(core / name) for core in cores]
    return tuple(kind(found) if found else off for found in texts) if any(texts) else None


def megahertz(kilohertz: str) -> float:
    """From cpufreq's kilohertz; 0 for '<unknown>', which some drivers report."""
    return int(kilohertz) / 1000 if kilohertz.isdecimal() else 0.0
