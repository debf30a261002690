"""The machine that a figure was measured on: INT8 arithmetic and speed depend on its instruction set."""

import os
import platform
from pathlib import Path
from typing import Any

_CPUINFO = Path("/proc/cpuinfo")
_X86 = {"x86_64", "amd64", "i386", "i686"}
# As Linux calls them, on x86 and on Arm: how wide vectors are, what multiplies INT8 and adds in 32 bits, and
# what multiplies in half precision.
_VECTORS = ("avx2", "avx512f", "asimd", "sve")
_INT8 = ("avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")
_HALF = ("avx512_bf16", "amx_bf16")


def describe() -> dict[str, Any]:
    """Architecture, processor, what bears on INT8, cores, memory; None where the system does not tell."""
    return {
        "architecture": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _fields().get("model name") or platform.processor() or None,
        "extensions": _extensions(),
        "isa": isa(),
        "saturates": saturates(),
        "cores": _cores(),
        "memory_bytes": _memory_bytes(),
    }


def isa() -> str:
    """What an INT8 accuracy depends on: 'x86_64 avx512_vnni', 'x86_64 avx2', 'aarch64 asimddp'."""
    found = _extensions() or []
    integer = [name for name in found if name in _INT8]
    widest = [name for name in found if name in _VECTORS][-1:]
    return " ".join([platform.machine(), *(integer or widest)])


def saturates() -> bool:
    """Whether INT8 products may saturate here, as they do on x86 without VNNI.

    VPMADDUBSW adds two products of an unsigned and a signed byte in 16 bits, which 255 * 127 * 2 exceeds.
    An x86 system that does not tell its extensions is taken for one without.
    """
    return platform.machine().lower() in _X86 and not set(_extensions() or ()) & set(_INT8)


def _extensions() -> list[str] | None:
    fields = _fields()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return [name for name in (*_VECTORS, *_INT8, *_HALF) if name in flags] if flags else None


def _cores() -> int | None:
    """How many this process may use: fewer than the machine has, in a container or under taskset."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


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
