"""Properties and state of a machine that affect latency; unknown values are None.

Most are read from Linux's /proc and /sys below `root`; other systems provide little.
"""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from ..machine import describe
from . import cores, firmware, thermal
from .emulation import emulator
from .kernel import by_core, megahertz, number, text
from .record import Conditions, Machine

SYSTEM = Path("/")
_PLACEHOLDERS = {"", "default string", "system product name", "to be filled by o.e.m."}
# 'CPU part' in /proc/cpuinfo, from Arm's manuals: Linux on Arm does not give the name.
_ARM_CORES = {
    "0xd03": "Cortex-A53",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd40": "Neoverse-V1",
    "0xd41": "Cortex-A78",
    "0xd42": "Cortex-A78AE",
    "0xd44": "Cortex-X1",
    "0xd46": "Cortex-A510",
    "0xd47": "Cortex-A710",
    "0xd49": "Neoverse-N2",
}


def now() -> str:
    """The current time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def machine(root: Path = SYSTEM) -> Machine:
    """This machine; under an emulator the board is unknown, because /proc and /sys are the host's."""
    told, emulated = describe(), emulator(root)
    library, version = platform.libc_ver()
    return Machine(
        board=None if emulated else _board(root),
        system=_system(root),
        kernel=platform.release() or None,
        libc=f"{library} {version}" if library else None,
        architecture=platform.machine(),
        processor=_arm_cores(root) or told["processor"],
        features=None if told["extensions"] is None else tuple(told["extensions"]),
        cores=os.cpu_count(),  # all, not only those that this process may use
        memory_bytes=told["memory_bytes"],
        software=f"Python {platform.python_version()}",
        emulated=emulated,
        core_capacities=cores.capacities(root),
        highest_mhz=cores.highest_mhz(root),
    )


def conditions(root: Path = SYSTEM) -> Conditions:
    """The machine's state now."""
    return Conditions(
        at=now(),
        governors=by_core(root, "cpufreq/scaling_governor", str, ""),
        frequencies_mhz=frequencies(root),
        temperatures_c=thermal.temperatures(root),
        throttled=firmware.throttled(root),
        load=_load(root),
        limits_c=thermal.limits(root),
        slowed=thermal.slowed(root),
        throttle_count=thermal.throttle_count(root),
        firmware_mhz=firmware.arm_mhz(),
    )


def frequencies(root: Path = SYSTEM) -> tuple[float, ...] | None:
    """The current frequency of each core in MHz, 0 where it is off or unknown."""
    return by_core(root, "cpufreq/scaling_cur_freq", megahertz, 0.0)


class Watch:
    """Observe the machine from now on."""

    def __init__(self, root: Path = SYSTEM) -> None:
        self._root = root
        self._time, self._energy = _processor_time(root), _energy(root)

    def others(self, own_cpu_seconds: float) -> float | None:
        """The fraction of processor time since then, 0 to 1, beyond our own `own_cpu_seconds`.

        Time that a hypervisor gave to other guests ('steal') counts as theirs.
        """
        then, after = self._time, _processor_time(self._root)
        if then is None or after is None or after[1] <= then[1]:
            return None
        taken = after[0] - then[0] - own_cpu_seconds
        return min(1.0, max(0.0, taken / (after[1] - then[1])))

    def energy_j(self) -> float | None:
        """The energy of all processors since then, in joules, if RAPL's counters can be read."""
        after = _energy(self._root)
        if not after or after.keys() != self._energy.keys():
            return None
        # The counter wraps around at its limit.
        spent = [(count - self._energy[zone][0]) % limit for zone, (count, limit) in after.items()]
        return sum(spent) / 1e6


def _board(root: Path) -> str | None:
    """From a board's device tree, or from a PC's firmware: the product or its main board."""
    if model := text(root / "proc/device-tree/model"):
        return model
    firmware = root / "sys/class/dmi/id"
    for vendor, name in (("sys_vendor", "product_name"), ("board_vendor", "board_name")):
        product = text(firmware / name) or ""
        if product.lower() not in _PLACEHOLDERS:
            return f"{text(firmware / vendor) or ''} {product}".strip()
    return None


def _system(root: Path) -> str:
    """The distribution's own name, or the system."""
    for line in (text(root / "etc/os-release") or "").splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip("\"'")
    return platform.system()


def _arm_cores(root: Path) -> str | None:
    """'Cortex-A76', or 'Cortex-A55 + Cortex-A78' if cores differ."""
    lines = (text(root / "proc/cpuinfo") or "").splitlines()
    parts = {line.partition(":")[2].strip() for line in lines if line.startswith("CPU part")}
    return " + ".join(_ARM_CORES.get(part, f"Arm {part}") for part in sorted(parts)) or None


def _load(root: Path) -> float | None:
    averages = text(root / "proc/loadavg")
    if averages:
        return float(averages.split()[0])
    return os.getloadavg()[0] if root == SYSTEM and hasattr(os, "getloadavg") else None


def _processor_time(root: Path) -> tuple[float, float] | None:
    """Seconds of all processors since boot: busy, including steal, and in total."""
    first, *ticks = (text(root / "proc/stat") or "-").partition("\n")[0].split()
    if first != "cpu":
        return None
    # user, nice, system, idle, iowait, irq, softirq, steal; the rest is already part of user and nice
    times = [int(tick) / os.sysconf("SC_CLK_TCK") for tick in ticks[:8]]
    return sum(times) - sum(times[3:5]), sum(times)


def _energy(root: Path) -> dict[str, tuple[int, int]]:
    """RAPL's counter and its limit by processor package, in microjoules; often readable only by root."""
    found = {}
    for zone in (root / "sys/class/powercap").glob("intel-rapl:*"):
        count, limit = number(zone / "energy_uj"), number(zone / "max_energy_range_uj")
        if (text(zone / "name") or "").startswith("package") and count is not None and limit:
            found[zone.name] = (count, limit)
    return found
