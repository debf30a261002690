"""Heat, as Linux sees it: temperatures, the trip points at which it slows a processor, and whether it does.

See Documentation/driver-api/thermal/sysfs-api.rst. A zone's name says little: on an RK3588 `bigcore0-thermal`
is the processor, on a phone `soc` may be the battery's charge. What counts is the zone's own passive trip
point, at which Linux slows something down, and the state of the devices that slow processors.
"""

from pathlib import Path

from .kernel import by_core, number, text

# As drivers/thermal/cpufreq_cooling.c names them (before and after Linux 5.13), ACPI's processor driver, and
# intel_powerclamp, whose state is -1 when it does nothing.
_SLOWING = ("thermal-cpufreq-", "cpufreq-", "Processor", "intel_powerclamp")
_COUNTS = ("thermal_throttle/core_throttle_count", "thermal_throttle/package_throttle_count")


def temperatures(root: Path) -> dict[str, float] | None:
    """Degrees Celsius by zone; some zones cannot be read."""
    found = {name: number(zone / "temp") for name, zone in _zones(root).items()}
    return {name: value / 1000 for name, value in found.items() if value is not None} or None


def limits(root: Path) -> dict[str, float] | None:
    """The lowest passive trip point of each zone that has one, in degrees Celsius; None without any zone.

    Drivers disable a trip point by setting it to zero or far below.
    """
    found: dict[str, float] = {}
    zones = _zones(root)
    for name, zone in zones.items():
        passive = [
            degrees / 1000
            for kind in zone.glob("trip_point_*_type")
            if text(kind) == "passive"
            and (degrees := number(kind.with_name(kind.name.replace("_type", "_temp")))) is not None
            and degrees > 0
        ]
        if passive:
            found[name] = min(passive)
    return found if zones else None


def slowed(root: Path) -> int | None:
    """The strongest state of the cooling devices that slow processors, 0 for none; None without any."""
    states = [
        number(device / "cur_state")
        for device in (root / "sys/class/thermal").glob("cooling_device*")
        if (text(device / "type") or "").startswith(_SLOWING)
    ]
    known = [max(0, state) for state in states if state is not None]
    return max(known, default=None)


def throttle_count(root: Path) -> int | None:
    """How often Intel's processors have throttled since boot; only a difference means something."""
    found = [by_core(root, name, lambda told: int(told) if told.isdecimal() else 0, 0) for name in _COUNTS]
    known = [sum(counts) for counts in found if counts is not None]
    return sum(known) if known else None


def _zones(root: Path) -> dict[str, Path]:
    """The folders by name, plus the number if names repeat."""
    found: dict[str, Path] = {}
    folders = (root / "sys/class/thermal").glob("thermal_zone*")
    for zone in sorted(folders, key=lambda path: (len(path.name), path.name)):
        name = text(zone / "type") or zone.name
        found[f"{name} {zone.name[12:]}" if name in found else name] = zone
    return found
