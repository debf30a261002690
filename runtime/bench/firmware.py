"""A Raspberry Pi's firmware: it throttles on its own, and Linux's cpufreq does not show it.

`vcgencmd` asks it; that takes the device /dev/vcio, which belongs to the group 'video'. See
https://www.raspberrypi.com/documentation/computers/os.html#vcgencmd.
"""

import re
import shutil
import subprocess
from pathlib import Path

from .kernel import text

# The bits of `get_throttled`; the same, 16 higher, mean 'at some time since boot'.
BITS = ("under-voltage", "a capped frequency", "throttling", "the soft temperature limit")
SINCE_BOOT = 16

_SECONDS = 5.0
_THROTTLED = re.compile(r"(?:throttled=)?0x([0-9a-fA-F]{1,8})")
_CLOCK = re.compile(r"frequency\(\d+\)=(\d+)")
_SYSFS = "sys/devices/platform/soc*/*firmware/get_throttled"  # since Raspberry Pi's Linux 4.14, without '0x'


def throttle_bits(told: str | None) -> int | None:
    """The bits in 'throttled=0x50000'; None for anything else, such as nothing or 'error=1 error_msg=..'."""
    found = _THROTTLED.fullmatch((told or "").strip())
    return int(found[1], 16) if found else None


def clock_mhz(told: str | None) -> float | None:
    """The frequency in 'frequency(48)=1500345728'; None for anything else, and for 0, an idle clock."""
    found = _CLOCK.fullmatch((told or "").strip())
    return int(found[1]) / 1e6 if found and int(found[1]) else None


def throttled(root: Path) -> int | None:
    """What throttles the board now, and did since boot; None without such firmware or access to it."""
    found = throttle_bits(_asked("get_throttled"))
    if found is not None:
        return found
    files = sorted(root.glob(_SYSFS))
    return throttle_bits(f"0x{text(files[0])}") if files else None


def arm_mhz() -> float | None:
    """The frequency of the processor as the firmware measures it."""
    return clock_mhz(_asked("measure_clock", "arm"))


def _asked(*words: str) -> str | None:
    """What vcgencmd prints; None if it is missing or fails."""
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        return subprocess.run(  # noqa: S603 - the board's own program
            [program, *words], capture_output=True, text=True, timeout=_SECONDS, check=True
        ).stdout
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
