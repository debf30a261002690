"""Properties and state of a machine that affect latency; unknown values are None.

Most are read from Linux's /proc and /sys below `root`; other systems provide little.
"""

import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ..machine import describe
from .emulation import emulator
from .record import Conditions, Machine

_T = TypeVar("_T")

SYSTEM = Path("/")
_VCGENCMD_SECONDS = 5.0
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
    )


def conditions(root: Path = SYSTEM) -> Conditions:
    """The machine's state now."""
    return Conditions(
        at=now(),
        governors=_by_core(root, "scaling_governor", str, ""),
        frequencies_mhz=_by_core(root, "scaling_cur_freq", _megahertz, 0.0),
        temperatures_c=_temperatures(root),
        throttled=_throttled(),
        load=_load(root),
    )


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


def _read(path: Path) -> str | None:
    """A small file of the kernel; strings of device trees end with a zero."""
    try:
        return path.read_text().strip("\0 \n")
    except (OSError, ValueError):
        return None


def _number(path: Path) -> int | None:
    text = _read(path)
    return int(text) if text and text.lstrip("-").isdigit() else None


def _board(root: Path) -> str | None:
    """From a board's device tree, or from a PC's firmware: the product or its main board."""
    if model := _read(root / "proc/device-tree/model"):
        return model
    firmware = root / "sys/class/dmi/id"
    for vendor, name in (("sys_vendor", "product_name"), ("board_vendor", "board_name")):
        product = _read(firmware / name) or ""
        if product.lower() not in _PLACEHOLDERS:
            return f"{_read(firmware / vendor) or ''} {product}".strip()
    return None


def _system(root: Path) -> str:
    """The distribution's own name, or the system."""
    for line in (_read(root / "etc/os-release") or "").splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip("\"'")
    return platform.system()


def _arm_cores(root: Path) -> str | None:
    """'Cortex-A76', or 'Cortex-A55 + Cortex-A78' if cores differ."""
    lines = (_read(root / "proc/cpuinfo") or "").splitlines()
    parts = {line.partition(":")[2].strip() for line in lines if line.startswith("CPU part")}
    return " + ".join(_ARM_CORES.get(part, f"Arm {part}") for part in sorted(parts)) or None


def _by_core(root: Path, name: str, kind: Callable[[str], _T], off: _T) -> tuple[_T, ...] | None:
    """A cpufreq file of each core; None if no core has it."""
    folder = root / "sys/devices/system/cpu"
    cores = sorted((path for path in folder.glob("cpu[0-9]*")), key=lambda path: int(path.name[3:]))
    texts = [_read(core / "cpufreq" / name) for core in cores]
    return tuple(kind(text) if text else off for text in texts) if any(texts) else None


def _megahertz(kilohertz: str) -> float:
    return int(kilohertz) / 1000 if kilohertz.isdigit() else 0.0  # some drivers report '<unknown>'


def _temperatures(root: Path) -> dict[str, float] | None:
    """By the name of the zone, plus its number if names repeat; some zones cannot be read."""
    found: dict[str, float] = {}
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        thousandths, name = _number(zone / "temp"), _read(zone / "type") or zone.name
        if thousandths is not None:
            found[f"{name} {zone.name[12:]}" if name in found else name] = thousandths / 1000
    return found or None


def _throttled() -> int | None:
    """The bits from the Raspberry Pi's firmware: 'throttled=0x50000'."""
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        said = subprocess.run(  # noqa: S603 - the board's own program
            [program, "get_throttled"], capture_output=True, text=True, timeout=_VCGENCMD_SECONDS, check=True
        )
        return int(said.stdout.strip().removeprefix("throttled="), 16)
    except (OSError, ValueError, subprocess.SubprocessError):  # it requires the group 'video'
        return None


def _load(root: Path) -> float | None:
    text = _read(root / "proc/loadavg")
    if text:
        return float(text.split()[0])
    return os.getloadavg()[0] if root == SYSTEM and hasattr(os, "getloadavg") else None


def _processor_time(root: Path) -> tuple[float, float] | None:
    """Seconds of all processors since boot: busy, including steal, and in total."""
    first, *ticks = (_read(root / "proc/stat") or "-").partition("\n")[0].split()
    if first != "cpu":
        return None
    # user, nice, system, idle, iowait, irq, softirq, steal; the rest is already part of user and nice
    times = [int(tick) / os.sysconf("SC_CLK_TCK") for tick in ticks[:8]]
    return sum(times) - sum(times[3:5]), sum(times)


def _energy(root: Path) -> dict[str, tuple[int, int]]:
    """RAPL's counter and its limit by processor package, in microjoules; often readable only by root."""
    found = {}
    for zone in (root / "sys/class/powercap").glob("intel-rapl:*"):
        count, limit = _number(zone / "energy_uj"), _number(zone / "max_energy_range_uj")
        if (_read(zone / "name") or "").startswith("package") and count is not None and limit:
            found[zone.name] = (count, limit)
    return found
