"""The machine of a measurement: INT8 arithmetic and speed depend on its instruction set."""

import os
import platform
from pathlib import Path
from typing import Any

_CPUINFO = Path("/proc/cpuinfo")
_X86 = {"x86_64", "amd64", "i386", "i686"}
# Linux's names on x86 and Arm for the vector width, INT8 multiplication with 32-bit sums, and float16
# arithmetic.
_VECTORS = ("avx2", "avx512f", "asimd", "sve")
_INT8 = ("avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")
_HALF = ("avx512_bf16", "amx_bf16")


def describe() -> dict[str, Any]:
    """Architecture, processor, INT8 extensions, cores and memory; None if the system does not say."""
    return {
        "architecture": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _fields().get("model name") or platform.processor() or None,
        "extensions": _extensions(),
        "isa": isa(),
        "saturates": saturates(),
        "cores": cores(),
        "memory_bytes": _memory_bytes(),
    }


def isa() -> str:
    """The instruction set for INT8 arithmetic: 'x86_64 avx512_vnni', 'x86_64 avx2', 'aarch64 asimddp'."""
    found = _extensions() or []
    integer = [name for name in found if name in _INT8]
    widest = [name for name in found if name in _VECTORS][-1:]
    return " ".join([platform.machine(), *(integer or widest)])


def saturates() -> bool:
    """Whether INT8 products may saturate here, as they do on x86 without VNNI.

    VPMADDUBSW adds two products of an unsigned and a signed byte in 16 bits, which 255 * 127 * 2 exceeds.
    An x86 system that does not list its extensions is assumed to lack VNNI.
    """
    return is_x86() and not set(_extensions() or ()) & set(_INT8)


def is_x86() -> bool:
    """Whether this is a processor of Intel's or AMD's kind."""
    return platform.machine().lower() in _X86


def _extensions() -> list[str] | None:
    fields = _fields()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return [name for name in (*_VECTORS, *_INT8, *_HALF) if name in flags] if flags else None


def cores() -> int:
    """The number of cores that this process may use: less than all in a container or under taskset."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _fields() -> dict[str, str]:
    """The first processor's entry in Linux's /proc/cpuinfo; empty elsewhere."""
    try:
        text = _CPUINFO.read_text()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
