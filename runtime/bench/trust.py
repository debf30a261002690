"""Decide whether a latency can be trusted: nothing speaks against it, and nothing that matters is unknown.

The limits and their reasons:

- 50 samples in 10 seconds are enough for a p90 and to show a frequency that is still falling.
- 5 launches of the process: within one, times are closer together than between two, which differ by 1 %.
- 5 % of drift in either direction: the run was still changing when it ended, so the result was too.
- 5 % of processor time for other programs: if all cores are in use, the run takes longer by as much on
  average, which equals the limit for drift; if some are free, other programs use those.
- If that is not reported, a load before the run of half the cores, which our own warm-up does not reach.
- 10 % of frequency: turbo steps are 100 MHz, that is 2 to 5 %; throttling reduces it by more. What counts is
  the frequency that was observed, whatever the governor is called. On x86 the highest frequency is a turbo of
  few cores, so only elsewhere must the processor reach it.
- The temperature at which Linux slows the processor down: the lowest passive trip point of a zone, and for
  zones without one the lowest of the others. Where no zone has one, 80 degrees on Arm, where a Raspberry Pi's
  firmware starts to throttle. On x86 no more than 95, because its zones of ACPI often have high ones.
"""

from collections.abc import Callable, Iterator
from statistics import median
from typing import TypeVar

import numpy as np

from .cores import alike
from .firmware import BITS, SINCE_BOOT
from .record import Conditions, Record, Trust

_T = TypeVar("_T")

MIN_SAMPLES, MIN_SECONDS, MIN_LAUNCHES = 50, 10.0, 5
MAX_DRIFT = 1.05
MAX_OTHERS = 0.05
_MAX_FREQUENCY_CHANGE = 0.10
_HOT_C, _HOT_X86_C = 80.0, 95.0
# Where a device shows no trip points; phones report batteries and cameras too.
_PROCESSOR_ZONES = ("cpu", "soc", "x86_pkg")
_X86 = {"x86_64", "amd64"}


def judge(record: Record) -> Trust:
    """All reasons against the record, and what is unknown; it is trusted if there are none."""
    reasons = tuple(reason for rule in RULES.values() for reason in rule(record))
    unknown = () if record.machine.emulated else tuple(_unknown(record))
    return Trust(not reasons and not unknown, reasons, unknown)


def _whole(record: Record) -> Iterator[str]:
    if record.interrupted is not None:
        yield f"the run was interrupted ({record.interrupted})"


def _real(record: Record) -> Iterator[str]:
    if record.machine.emulated:
        yield f"the processor is emulated by {record.machine.emulated}"


def _many(record: Record) -> Iterator[str]:
    count, seconds = len(record.samples_ms), sum(record.samples_ms) / 1000
    if count < MIN_SAMPLES:
        yield f"too few samples ({count}, needs {MIN_SAMPLES})"
    if round(seconds, 1) < MIN_SECONDS:
        yield f"too short ({seconds:.1f} s of samples, needs {MIN_SECONDS:g})"


def _launched(record: Record) -> Iterator[str]:
    count = len(record.launches) or 1
    if count < MIN_LAUNCHES:
        yield f"too few launches of its process ({count}, needs {MIN_LAUNCHES})"


def _steady(record: Record) -> Iterator[str]:
    if not 1 / MAX_DRIFT <= record.drift <= MAX_DRIFT:
        way = "slower" if record.drift > 1 else "faster"
        yield f"it drifted (the last quarter was {100 * abs(record.drift - 1):.0f} % {way} than the first)"


def _on_equal_cores(record: Record) -> Iterator[str]:
    if alike(record.machine, record.cpus) is False:
        yield "it was not kept on cores of the same speed"


def _constant(record: Record) -> Iterator[str]:
    """Nine of ten observations count: in a moment without work a frequency may fall."""
    found = _observed_mhz(record)
    if len(found) > 1:
        low, high = (float(value) for value in np.percentile(found, [5, 95]))
        if high - low > _MAX_FREQUENCY_CHANGE * high:
            first, last = (low, high) if found[-1] > found[0] else (high, low)
            yield f"the frequency changed from {first:.0f} to {last:.0f} MHz"


def _at_full_speed(record: Record) -> Iterator[str]:
    found, highest = _observed_mhz(record), _used(record, record.machine.highest_mhz or ())
    if found and highest and not _x86(record):
        observed = median(found)
        if observed < (1 - _MAX_FREQUENCY_CHANGE) * max(highest):
            yield f"the processor ran at {observed:.0f} of {max(highest):.0f} MHz"


def _as_linux_says(record: Record) -> Iterator[str]:
    for moment in _moments(record):
        told = max(_used(record, moment.frequencies_mhz or ()), default=0.0)
        real = moment.firmware_mhz
        if real is not None and real < (1 - _MAX_FREQUENCY_CHANGE) * told:
            yield f"the firmware ran the processor at {real:.0f} MHz, where Linux says {told:.0f}"
            return


def _unthrottled(record: Record) -> Iterator[str]:
    """Bits set before or after also applied during the run; since-boot bits count only if they are new."""
    before = record.before.throttled if record.before else None
    after = record.after.throttled if record.after else None
    current = (before or 0) | (after or 0)
    new = 0 if before is None or after is None else after & ~before
    told = [words for bit, words in enumerate(BITS) if (current | new >> SINCE_BOOT) >> bit & 1]
    if told:
        yield f"the board reported {' and '.join(told)}"
    if state := max((moment.slowed or 0 for moment in _moments(record)), default=0):
        yield f"Linux slowed the processor down (cooling state {state})"
    counts = [moment.throttle_count for moment in _moments(record) if moment.throttle_count is not None]
    if len(counts) == 2 and counts[1] > counts[0]:
        yield f"the processor's count of throttling rose by {counts[1] - counts[0]}"


def _cool(record: Record) -> Iterator[str]:
    for moment in _moments(record):
        for zone, (degrees, limit) in _heat(record, moment).items():
            if degrees >= limit:
                yield f"{zone} was at {degrees:.0f} degrees, and the limit is {limit:.0f}"
                return


def _alone(record: Record) -> Iterator[str]:
    if record.others is not None:
        if record.others > MAX_OTHERS:
            yield f"other programs used {100 * record.others:.0f} % of the processor time"
        return
    load, cores = record.before.load if record.before else None, record.machine.cores
    if load is not None and load > (cores or 4) / 2:
        yield f"the machine was busy before the run (load {load:.1f} on {cores or 'unknown'} cores)"


# By the names that the documentation gives them.
RULES: dict[str, Callable[[Record], Iterator[str]]] = {
    "complete": _whole,
    "real": _real,
    "samples": _many,
    "launches": _launched,
    "drift": _steady,
    "cores": _on_equal_cores,
    "frequency": _constant,
    "full speed": _at_full_speed,
    "firmware": _as_linux_says,
    "throttling": _unthrottled,
    "heat": _cool,
    "others": _alone,
}


def _unknown(record: Record) -> Iterator[str]:
    """What the device did not show although it decides how far the figure holds."""
    moments = _moments(record)
    if not _observed_mhz(record):
        yield "its frequency"
    signs = [(moment.throttled, moment.slowed, moment.throttle_count) for moment in moments]
    if all(sign is None for told in signs for sign in told) and not any(
        _heat(record, moment) for moment in moments
    ):
        yield "its temperature"
    if (record.machine.board or "").startswith("Raspberry Pi") and any(
        moment.throttled is None for moment in moments
    ):
        yield "whether its firmware throttles (vcgencmd is missing there or may not be run)"
    if alike(record.machine, record.cpus) is None:
        yield "whether its cores are equally fast"
    if record.others is None and (record.before is None or record.before.load is None):
        yield "how busy it was"


def _heat(record: Record, moment: Conditions) -> dict[str, tuple[float, float]]:
    """The temperature of each zone that may slow the processor down, and its limit, in degrees Celsius."""
    zones, limits = moment.temperatures_c or {}, moment.limits_c
    usual = _HOT_X86_C if _x86(record) else _HOT_C
    if limits is None:
        told = {
            zone: one for zone, one in zones.items() if any(word in zone.lower() for word in _PROCESSOR_ZONES)
        }
        return {zone: (degrees, usual) for zone, degrees in told.items()}
    lowest = min([*limits.values(), *([usual] if _x86(record) else [])], default=usual)
    return {zone: (degrees, limits.get(zone, lowest)) for zone, degrees in zones.items()}


def _observed_mhz(record: Record) -> list[float]:
    """The fastest of the cores in use: without a list of them, others may have been idle."""
    if record.mhz:
        return [*record.mhz]
    found = [_used(record, moment.frequencies_mhz or ()) for moment in _moments(record)]
    return [max(frequencies) for frequencies in found if any(frequencies)]


def _x86(record: Record) -> bool:
    return record.machine.architecture.lower() in _X86


def _moments(record: Record) -> list[Conditions]:
    return [moment for moment in (record.before, record.after) if moment is not None]


def _used(record: Record, by_core: tuple[_T, ...]) -> list[_T]:
    """The entries of the cores that the run was pinned to, or of all cores."""
    return [value for core, value in enumerate(by_core) if record.cpus is None or core in record.cpus]
