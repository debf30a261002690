"""Read a board's properties: this source runs in a Python of the board, without any libraries.

It must run in Python 3.9, so that an older one than the engines need is reported instead of failing.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import sysconfig
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

VENV = ".local/share/edgewise/venv"  # below the home folder; created by `edgewise device setup`
INSTALLED = f"{VENV}/edgewise.json"  # see `_installed`

_CORES = "/sys/devices/system/cpu"
_PYTHONS = ("python3.13", "python3.12", "python3.11")  # those that edgewise supports


def main() -> None:
    """Print all of them as one line of JSON; null means unknown."""
    home = Path.home()
    governors = {_text(str(path)) for path in Path(_CORES).glob("cpu*/cpufreq/scaling_governor")}
    found = {
        "board": _text("/proc/device-tree/model"),
        "bits": 8 * struct.calcsize("P"),  # the userland; the kernel may be 64-bit
        "architecture": os.uname().machine,
        "dot_product": _dot_product(),
        "libc": _libc(),
        "python": sys.version_info[:3],
        "pythons": [name for name in _PYTHONS if shutil.which(name)],
        "engine_python": _engine_python(home),
        "venv": find_spec("venv") is not None,
        "pip": _pip(),
        "home": str(home),
        "installed": _installed(home),
        "free_bytes": shutil.disk_usage(home).free,
        "governors": sorted(filter(None, governors)),
        "throttled": _throttled(),
        "time": time.time(),
    }
    json.dump(found, sys.stdout)
    sys.stdout.write("\n")


def _dot_product() -> bool:
    """Whether an Arm processor has INT8 dot products: a Raspberry Pi 5 has them, a Pi 4 does not."""
    return not os.uname().machine.startswith("aarch") or "asimddp" in (_text("/proc/cpuinfo") or "")


def _libc() -> str | None:
    with suppress(AttributeError, OSError, ValueError):
        return os.confstr("CS_GNU_LIBC_VERSION")  # 'glibc 2.36'; not available with musl
    return None


def _pip() -> str | None:
    """The pip wheel that Python uses for new virtual environments; in Debian's python3-venv."""
    bundled = find_spec("ensurepip")
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR")]
    if bundled is not None and bundled.origin:
        folders.append(str(Path(bundled.origin).parent / "_bundled"))
    wheels = [wheel for folder in folders if folder for wheel in Path(folder).glob("pip-*.whl")]
    return str(wheels[0]) if wheels else None


def _installed(home: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads((home / INSTALLED).read_text())
        return found
    return None


def _engine_python(home: Path) -> list[int] | None:
    """The version of the environment's Python; None without one, or if it lost the one it was made from."""
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        said = subprocess.run(  # noqa: S603 - made by `edgewise device setup`
            [str(home / VENV / "bin/python"), "-c", "import sys; print(*sys.version_info[:3])"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return [int(part) for part in said.stdout.split()]
    return None


def _throttled() -> str | None:
    """The output of `vcgencmd get_throttled`: 'throttled=0x50000'."""
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(
            ["vcgencmd", "get_throttled"],  # noqa: S607 - the board's own
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
        return said.stdout.strip()
    return None


def _text(path: str) -> str | None:
    with suppress(OSError, ValueError):
        return Path(path).read_text().strip("\0 \n")
    return None


if __name__ == "__main__":
    main()
