"""What an EMULATED phone (`_adbd.py`) shows: its properties, its /proc and /sys, and its services."""

from pathlib import Path

_PROPERTIES = {
    "ro.product.manufacturer": "Example",
    "ro.product.model": "Phone 8",
    "ro.build.version.release": "15",
    "ro.build.version.sdk": "35",
    "ro.product.cpu.abi": "arm64-v8a",
    "ro.soc.manufacturer": "Example",
    "ro.soc.model": "S8",
    "ro.boot.qemu": "1",  # so that every record is marked as emulated
}
# In the format of phones; the first list is the service's cache.
_THERMAL = """IsStatusOverride: false
Thermal Status: 1
Cached temperatures:
\tTemperature{mValue=99.0, mType=3, mName=SKIN, mStatus=0}
HAL Ready: true
Current temperatures from HAL:
\tTemperature{mValue=36.4, mType=3, mName=SKIN, mStatus=1}
\tTemperature{mValue=51.25, mType=0, mName=CPU0, mStatus=0}
\tTemperature{mValue=-99.9, mType=6, mName=PA, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=0, mType=2, mName=CPU}
"""


def furnish(root: Path) -> None:
    """Give an emulated phone its properties, its /proc and /sys, and its services."""
    (root / "bin").mkdir()
    cases = "".join(f'  {name}) echo "{value}" ;;\n' for name, value in _PROPERTIES.items())
    program(root / "bin/getprop", f'case "$1" in\n{cases}  *) echo ;;\nesac\n')
    program(root / "bin/dumpsys", f'[ "$1" = thermalservice ] && cat <<"END"\n{_THERMAL}END\n')
    (root / "proc").mkdir()
    (root / "proc/cpuinfo").write_text("processor : 0\nFeatures\t: fp asimd asimdhp asimddp i8mm\n")
    (root / "proc/meminfo").write_text("MemTotal:        7812345 kB\nMemFree: 1 kB\n")
    (root / "proc/loadavg").write_text("1.25 1.00 0.50 1/900 12345\n")
    for core, kilohertz in ((0, 1_800_000), (2, 2_400_000), (10, 3_000_000)):
        folder = root / f"sys/devices/system/cpu/cpu{core}/cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text("sched_pixel\n")
        (folder / "scaling_cur_freq").write_text(f"{kilohertz}\n")


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)
    return path
