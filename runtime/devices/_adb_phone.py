"""Read a phone's properties and state: getprop, /proc, /sys and Android's thermal service."""

import re
from collections.abc import Iterable
from typing import TypeVar

from ..bench.conditions import now
from ..bench.record import Conditions, Machine
from ..machine import _HALF, _INT8, _VECTORS
from ._adb_client import Adb

_T = TypeVar("_T")

_PROPERTIES = (
    "ro.product.manufacturer",
    "ro.product.model",
    "ro.build.version.release",
    "ro.build.version.sdk",
    "ro.product.cpu.abi",
    "ro.soc.manufacturer",
    "ro.soc.model",
    "ro.kernel.qemu",
    "ro.boot.qemu",
)
_DESCRIBE = f"""
for name in {" ".join(_PROPERTIES)}; do echo "$name: $(getprop $name)"; done
echo "kernel: $(uname -r)"
echo "architecture: $(uname -m)"
echo "cores: $(ls -d /sys/devices/system/cpu/cpu[0-9]* | wc -l)"
for core in /sys/devices/system/cpu/cpu[0-9]*; do
echo "speed $core: $(cat $core/cpu_capacity) $(cat $core/cpufreq/cpuinfo_max_freq)"; done
grep -m 1 '^Features' /proc/cpuinfo
grep '^MemTotal' /proc/meminfo
true"""
_OBSERVE = """
for core in /sys/devices/system/cpu/cpu[0-9]*; do
echo "core $core: $(cat $core/cpufreq/scaling_governor) $(cat $core/cpufreq/scaling_cur_freq)"; done
echo "load: $(cat /proc/loadavg)"
dumpsys thermalservice
true"""
_TEMPERATURE = re.compile(r"Temperature\{mValue=([-\d.]+), mType=-?\d+, mName=([^,}]+),")
_SPEED = re.compile(r"^speed \S*/cpu(\d+): (\d*) (\d*)$", re.MULTILINE)
_ABSENT_C = -40.0  # missing sensors report -99.9
_THROTTLED = 1 << 2  # 'throttled now' in the bits of the Raspberry Pi's firmware


def machine(phone: Adb) -> Machine:
    """Describe the phone; Android's emulator is recognized by its properties."""
    return read_machine(phone.need(_DESCRIBE, "read the phone's properties"))


def conditions(phone: Adb) -> Conditions:
    """The current state of the phone."""
    return read_conditions(phone.need(_OBSERVE, "read the phone's state"))


def read_machine(text: str) -> Machine:
    """Parse the output of `_DESCRIBE`."""
    told = {name: value.strip() for name, value in re.findall(r"^([\w.]+)\s*:(.*)$", text, re.MULTILINE)}
    features = told.get("Features", "").split()
    speeds = sorted(
        (int(core), int(capacity or 0), int(kilohertz or 0) / 1000)
        for core, capacity, kilohertz in _SPEED.findall(text)
    )
    memory = re.match(r"(\d+) kB", told.get("MemTotal", ""))
    release, level = told.get("ro.build.version.release") or "?", told.get("ro.build.version.sdk") or "?"
    return Machine(
        board=_joined(told, "ro.product.manufacturer", "ro.product.model"),
        system=f"Android {release} (API {level})",
        kernel=told.get("kernel") or None,
        libc="bionic",
        architecture=told.get("architecture") or told.get("ro.product.cpu.abi") or "unknown",
        processor=_joined(told, "ro.soc.manufacturer", "ro.soc.model"),
        features=tuple(name for name in (*_VECTORS, *_INT8, *_HALF) if name in features) or None,
        cores=int(told.get("cores") or 0) or None,
        memory_bytes=1024 * int(memory[1]) if memory else None,
        software=None,
        emulated="the Android emulator"
        if "1" in {told.get("ro.kernel.qemu"), told.get("ro.boot.qemu")}
        else None,
        core_capacities=_all(capacity for _, capacity, _ in speeds),
        highest_mhz=_all(megahertz for *_, megahertz in speeds),
    )


def read_conditions(text: str) -> Conditions:
    """Parse the output of `_OBSERVE`.

    From the thermal service it uses the current values of the sensors, not the cached ones. If the phone
    throttles, even lightly, `throttled` has the same bit as on a Raspberry Pi.
    """
    found = re.findall(r"^core \S*/cpu(\d+): (\S+) (\d+)$", text, re.MULTILINE)
    cores = sorted((int(core), governor, int(kilohertz) / 1000) for core, governor, kilohertz in found)
    current = text.partition("Current temperatures from HAL:")[2].partition("cooling devices")[0]
    temperatures = {name: float(value) for value, name in _TEMPERATURE.findall(current)}
    status = re.search(r"^\s*Thermal Status: (\d+)", text, re.MULTILINE)
    load = re.search(r"^load: ([\d.]+)", text, re.MULTILINE)
    return Conditions(
        at=now(),
        governors=tuple(governor for _, governor, _ in cores) or None,
        frequencies_mhz=tuple(frequency for *_, frequency in cores) or None,
        temperatures_c={name: value for name, value in temperatures.items() if value > _ABSENT_C} or None,
        throttled=(_THROTTLED if int(status[1]) else 0) if status else None,
        load=float(load[1]) if load else None,
    )


def _all(values: Iterable[_T]) -> tuple[_T, ...] | None:
    """All of them; None if none is known."""
    found = tuple(values)
    return found if any(found) else None


def _joined(told: dict[str, str], *names: str) -> str | None:
    return " ".join(told[name] for name in names if told.get(name)) or None
