"""Decide whether a latency can be trusted; values that a device cannot report do not count against it.

The limits and their reasons:

- 50 samples in 10 seconds are enough for a p90 and to show a frequency that is still falling.
- 5 % of drift in either direction: the run was still changing when it ended, so the result was too.
- 5 % of processor time for other programs: if all cores are in use, the run takes longer by as much on
  average, which equals the limit for drift; if some are free, other programs use those.
- If that is not reported, a load before the run of half the cores, which our own warm-up does not reach.
- 10 % of frequency: turbo steps are 100 MHz, that is 2 to 5 %; throttling reduces it by more.
- 80 degrees on Arm, where the Raspberry Pi's firmware starts to throttle, and 95 on x86.
"""

from collections.abc import Iterator
from typing import TypeVar

from .record import Conditions, Record, Trust

_T = TypeVar("_T")

MIN_SAMPLES, MIN_SECONDS = 50, 10.0
MAX_DRIFT = 1.05
MAX_OTHERS = 0.05
_MAX_FREQUENCY_CHANGE = 0.10
_HOT_C, _HOT_X86_C = 80.0, 95.0
_PROCESSOR_ZONES = ("cpu", "soc", "x86_pkg")  # phones report batteries and cameras too
_THROTTLE = ("under-voltage", "a capped frequency", "throttling", "the soft temperature limit")
_SINCE_BOOT = 16  # bit 16 means that bit 0 was set at some time since boot


def judge(record: Record) -> Trust:
    """All reasons against the record; it is trusted if there are none."""
    checks = (_whole, _real, _many, _steady, _governed, _unthrottled, _clocked, _cool, _alone)
    reasons = tuple(reason for check in checks for reason in check(record))
    return Trust(not reasons, reasons)


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


def _steady(record: Record) -> Iterator[str]:
    if not 1 / MAX_DRIFT <= record.drift <= MAX_DRIFT:
        way = "slower" if record.drift > 1 else "faster"
        yield f"it drifted (the last quarter was {100 * abs(record.drift - 1):.0f} % {way} than the first)"


def _governed(record: Record) -> Iterator[str]:
    moments = [moment.governors for moment in _moments(record) if moment.governors]
    found = {name for governors in moments for name in _used(record, governors)}
    if other := sorted(found - {"performance", ""}):
        yield f"the governor is {' and '.join(other)}, not performance"


def _unthrottled(record: Record) -> Iterator[str]:
    """Bits set before or after also applied during the run; since-boot bits count only if they are new."""
    before = record.before.throttled if record.before else None
    after = record.after.throttled if record.after else None
    current = (before or 0) | (after or 0)
    new = 0 if before is None or after is None else after & ~before
    told = [words for bit, words in enumerate(_THROTTLE) if (current | new >> _SINCE_BOOT) >> bit & 1]
    if told:
        yield f"the board reported {' and '.join(told)}"


def _clocked(record: Record) -> Iterator[str]:
    """Use the fastest of the used cores: without a list of them, others may have been idle."""
    found = [_used(record, moment.frequencies_mhz or ()) for moment in _moments(record)]
    speeds = [max(frequencies) for frequencies in found if frequencies]
    if len(speeds) == 2 and abs(speeds[1] - speeds[0]) > _MAX_FREQUENCY_CHANGE * max(speeds):
        yield f"the frequency changed from {speeds[0]:.0f} to {speeds[1]:.0f} MHz"


def _cool(record: Record) -> Iterator[str]:
    limit = _HOT_X86_C if record.machine.architecture.lower() in {"x86_64", "amd64"} else _HOT_C
    hottest = max(
        (
            degrees
            for moment in _moments(record)
            for zone, degrees in (moment.temperatures_c or {}).items()
            if any(name in zone.lower() for name in _PROCESSOR_ZONES)
        ),
        default=0.0,
    )
    if hottest >= limit:
        yield f"the processor was at {hottest:.0f} degrees, where it throttles"


def _alone(record: Record) -> Iterator[str]:
    if record.others is not None:
        if record.others > MAX_OTHERS:
            yield f"other programs used {100 * record.others:.0f} % of the processor time"
        return
    load, cores = record.before.load if record.before else None, record.machine.cores
    if load is not None and load > (cores or 4) / 2:
        yield f"the machine was busy before the run (load {load:.1f} on {cores or 'unknown'} cores)"


def _moments(record: Record) -> list[Conditions]:
    return [moment for moment in (record.before, record.after) if moment is not None]


def _used(record: Record, by_core: tuple[_T, ...]) -> list[_T]:
    """The entries of the cores that the run was pinned to, or of all cores."""
    return [value for core, value in enumerate(by_core) if record.cpus is None or core in record.cpus]
