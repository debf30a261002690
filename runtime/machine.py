"""The machine that a figure was measured on: INT8 arithmetic and speed depend on its instruction set."""

import platform
from pathlib import Path
from typing import Any

_CPUINFO = Path("/proc/cpuinfo")
# What INT8 kernels choose between, on x86 and on Arm, as Linux calls it.
_EXTENSIONS = (
    "avx2",
    "avx512f",
    "avx_vnni",
    "avx512_vnni",
    "avx512_bf16",
    "amx_int8",
    "asimd",
    "asimddp",
    "i8mm",
    "sve",
)


def describe() -> dict[str, Any]:
    """Architecture, processor and its INT8-related extensions; None where the system does not tell."""
    fields = _fields()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return {
        "architecture": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": fields.get("model name") or platform.processor() or None,
        "extensions": [name for name in _EXTENSIONS if name in flags] if flags else None,
    }


def _fields() -> dict[str, str]:
    """The first processor's entry in Linux's /proc/cpuinfo; empty elsewhere."""
    try:
        text = _CPUINFO.read_text()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
