"""Detect an emulated processor: it computes correctly, but its times mean nothing."""

import os
import platform
from pathlib import Path


def emulator(root: Path = Path("/")) -> str | None:
    """What emulates the processor: 'qemu-aarch64 (cortex-a76)', 'Rosetta 2'; None if it is real.

    A user-mode emulator intercepts /proc/self/exe and returns the program that it runs, so that programs find
    themselves. It does not intercept the equivalent /proc/thread-self/exe, for which the kernel returns the
    emulator, or nothing if /proc is not mounted (seen with qemu-user 7.2 and 10.0).
    """
    program, runner = _link(root / "proc/self/exe"), _link(root / "proc/thread-self/exe")
    if program and program != runner:
        name, core = Path(runner or "qemu").name, os.environ.get("QEMU_CPU")
        return f"{name} ({core})" if core else name
    try:
        processor = (root / "proc/cpuinfo").read_text()
    except (OSError, ValueError):
        processor = ""
    if "QEMU TCG" in processor:  # a full QEMU machine without hardware virtualization
        return "qemu"
    apple = "VirtualApple" in processor or "ARM64" in platform.version()
    return "Rosetta 2" if apple and platform.machine() == "x86_64" else None


def _link(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:
        return None
