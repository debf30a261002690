"""Cores of different speeds: which they are, and which of them a run should use.

Linux gives the relative speed of each core in `cpu_capacity`, 1024 for the fastest
(Documentation/scheduler/sched-capacity.rst); without that file, the highest frequencies are compared.
"""

from collections.abc import Sequence
from pathlib import Path

from .kernel import by_core, megahertz
from .record import Machine

# Cores of one kind differ by less: an RK3588's pairs of Cortex-A76 by 6 %, Intel's favoured cores by 4 %.
_ALIKE = 0.10


def capacities(root: Path) -> tuple[int, ...] | None:
    """Linux's `cpu_capacity` of each core; 0 for one that is off."""
    return by_core(root, "cpu_capacity", lambda told: int(told) if told.isdecimal() else 0, 0)


def highest_mhz(root: Path) -> tuple[float, ...] | None:
    """The highest frequency of each core; 0 for one that is off."""
    return by_core(root, "cpufreq/cpuinfo_max_freq", megahertz, 0.0)


def speeds(machine: Machine) -> tuple[float, ...] | None:
    """The relative speed of each core by its number, in any unit; None if unknown."""
    return machine.core_capacities or machine.highest_mhz


def alike(machine: Machine, cpus: Sequence[int] | None) -> bool | None:
    """Whether the cores with the numbers `cpus` (None for all) are equally fast; None if unknown."""
    if machine.cores == 1 or (cpus is not None and len(cpus) == 1):
        return True
    found = speeds(machine)
    if found is None:
        return None
    used = [speed for core, speed in enumerate(found) if speed and (cpus is None or core in cpus)]
    return None if not used else min(used) >= (1 - _ALIKE) * max(used)


def fastest(machine: Machine, allowed: Sequence[int], threads: int) -> tuple[int, ...] | None:
    """The cores of the fastest kind among those `allowed`, to pin a run to.

    None where nothing is to be chosen: all are alike, nothing is known, or there are fewer of the fastest
    kind than `threads`.
    """
    found = speeds(machine)
    if found is None or alike(machine, None) is not False:
        return None
    known = {core: found[core] for core in allowed if core < len(found)}
    best = max(known.values(), default=0)
    chosen = tuple(sorted(core for core, speed in known.items() if speed >= (1 - _ALIKE) * best))
    return chosen if len(chosen) >= threads else None
