"""Observe the machine while models run: frequency and temperature, seldom enough not to disturb them."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from . import cores, firmware, thermal
from .conditions import SYSTEM, frequencies
from .record import Machine

_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Moment:
    """The frequency of the fastest core in use, and the temperature of the hottest zone that has a limit."""

    mhz: float | None
    celsius: float | None


class Observer:
    """Observes the cores `cpus`, None for all."""

    def __init__(self, cpus: tuple[int, ...] | None, root: Path = SYSTEM) -> None:
        self._cpus, self._root = cpus, root
        self._next = 0.0
        self._zones = {*(thermal.limits(root) or {})}

    def look(self) -> Moment | None:
        """The state now; None if the last one is less than half a second old."""
        if time.monotonic() < self._next:
            return None
        self._next = time.monotonic() + _PAUSE_S
        return Moment(self._mhz(), self._celsius())

    def _mhz(self) -> float | None:
        """A Raspberry Pi's firmware knows better than Linux."""
        if (real := firmware.arm_mhz()) is not None:
            return real
        used = [
            speed
            for core, speed in enumerate(frequencies(self._root) or ())
            if self._cpus is None or core in self._cpus
        ]
        return max(used, default=0.0) or None

    def _celsius(self) -> float | None:
        found = thermal.temperatures(self._root) or {}
        limited = [degrees for zone, degrees in found.items() if zone in self._zones]
        return max(limited or found.values(), default=None)


def placed(
    machine: Machine, cpus: tuple[int, ...] | None, threads: int
) -> tuple[tuple[int, ...] | None, bool]:
    """The cores to pin to, and whether they were chosen here: the fastest ones, where not all are alike."""
    if cpus is not None or not hasattr(os, "sched_getaffinity"):
        return cpus, False
    chosen = cores.fastest(machine, sorted(os.sched_getaffinity(0)), threads)
    return chosen, chosen is not None
