"""Properties of machines: trees of /proc and /sys as on two Raspberry Pi models and a PC."""

import os
import platform
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgewise.runtime import machine as described
from edgewise.runtime.bench.conditions import Watch, conditions, machine
from edgewise.runtime.bench.record import Conditions

CPUINFO = """\
processor\t: {core}
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part}
CPU revision\t: 3

"""
OS = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n'
HOUR = 360_000  # ticks


def grow(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def raspberry_pi(root: Path, model: str, parts: list[str], governor: str, kilohertz: int) -> Path:
    files = {
        "proc/device-tree/model": f"{model}\0",
        "proc/cpuinfo": "".join(CPUINFO.format(core=core, part=part) for core, part in enumerate(parts)),
        "proc/loadavg": "0.52 0.31 0.14 1/187 2712\n",
        "proc/stat": f"cpu  {HOUR} 0 {HOUR} {HOUR} 0 0 0 0 0 0\ncpu0 1 0 1 1 0 0 0 0 0 0\nintr 1\n",
        "etc/os-release": OS,
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "sys/class/thermal/thermal_zone0/temp": "48199\n",
    }
    for core in range(len(parts)):
        folder = f"sys/devices/system/cpu/cpu{core}/cpufreq"
        files[f"{folder}/scaling_governor"] = f"{governor}\n"
        files[f"{folder}/scaling_cur_freq"] = f"{kilohertz}\n"
    return grow(root, files | {"sys/devices/system/cpu/cpufreq/boost": "0\n"})


@pytest.fixture
def pi4(tmp_path: Path) -> Path:
    return raspberry_pi(tmp_path, "Raspberry Pi 4 Model B Rev 1.4", ["0xd08"] * 4, "ondemand", 1_800_000)


@pytest.fixture
def vcgencmd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The firmware's program on the PATH, reporting no problems."""
    program = tmp_path / "bin/vcgencmd"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x0 || echo "frequency(0)=2400033792"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return program


def test_a_raspberry_pi_4(pi4: Path) -> None:
    found = machine(pi4)
    assert (found.board, found.processor) == ("Raspberry Pi 4 Model B Rev 1.4", "Cortex-A72")
    assert found.system == "Debian GNU/Linux 12 (bookworm)"
    state = conditions(pi4)
    assert state.at.endswith("+00:00")
    assert replace(state, at="") == Conditions(
        "",
        governors=("ondemand",) * 4,
        frequencies_mhz=(1800.0,) * 4,
        temperatures_c={"cpu-thermal": 48.199},
        throttled=None,
        load=0.52,
        limits_c={},
    )


def test_a_raspberry_pi_5_with_its_firmwares_program(tmp_path: Path, vcgencmd: Path) -> None:
    name = "Raspberry Pi 5 Model B Rev 1.0"
    pi5 = raspberry_pi(tmp_path, name, ["0xd0b"] * 4, "performance", 2_400_000)
    assert (machine(pi5).board, machine(pi5).processor) == (name, "Cortex-A76")
    assert conditions(pi5).governors == ("performance",) * 4
    assert conditions(pi5).throttled == 0
    assert conditions(pi5).firmware_mhz == pytest.approx(2400, abs=0.1)
    vcgencmd.write_text("#!/bin/sh\necho throttled=0x50005\n")
    assert conditions(pi5).throttled == 0x50005


@pytest.mark.parametrize(
    "script", ["echo VCHI initialization failed; exit 255", "echo nonsense", "exit 1", "echo throttled="]
)
def test_a_firmware_that_fails_is_none(pi4: Path, vcgencmd: Path, script: str) -> None:
    vcgencmd.write_text(f"#!/bin/sh\n{script}\n")
    assert conditions(pi4).throttled is None


def test_different_cores_are_all_named_in_order(tmp_path: Path) -> None:
    parts = ["0xd05"] * 4 + ["0xd41"] * 3 + ["0xfff"]
    phone = raspberry_pi(tmp_path, "Some phone", parts, "schedutil", 1_800_000)
    assert machine(phone).processor == "Cortex-A55 + Cortex-A78 + Arm 0xfff"
    cores = phone / "sys/devices/system/cpu"
    for core in range(8, 12):
        grow(cores, {f"cpu{core}/cpufreq/scaling_cur_freq": f"{core}00000\n"})
    (cores / "cpu2/cpufreq/scaling_cur_freq").unlink()  # it is off
    (cores / "cpu3/cpufreq/scaling_cur_freq").write_text("<unknown>\n")
    assert conditions(phone).frequencies_mhz == (1800, 1800, 0, 0, *[1800] * 4, 800, 900, 1000, 1100)
    assert conditions(phone).governors == ("schedutil",) * 8 + ("",) * 4


def test_zones_of_the_same_name_are_distinguished_and_unreadable_ones_left_out(pi4: Path) -> None:
    zones = {
        "thermal_zone1/type": "cpu-thermal\n",
        "thermal_zone1/temp": "-5000\n",
        "thermal_zone2/type": "asleep\n",
        "thermal_zone3/temp": "21000\n",
        "thermal_zone4/temp": "N/A\n",
    }
    grow(pi4 / "sys/class/thermal", zones)
    found = conditions(pi4).temperatures_c
    assert found == {"cpu-thermal": 48.199, "cpu-thermal 1": -5.0, "thermal_zone3": 21.0}


@pytest.mark.parametrize(
    ("firmware", "board"),
    [
        ({"sys_vendor": "LENOVO", "product_name": "20XW0055GE"}, "LENOVO 20XW0055GE"),
        (
            {
                "sys_vendor": "To Be Filled By O.E.M.",
                "product_name": "To Be Filled By O.E.M.",
                "board_vendor": "ASRock",
                "board_name": "B450M Pro4",
            },
            "ASRock B450M Pro4",
        ),
        ({"product_name": "NUC"}, "NUC"),
        ({"product_name": "Default string"}, None),
    ],
)
def test_a_pc_is_named_by_its_product_or_main_board(
    tmp_path: Path, firmware: dict[str, str], board: str | None
) -> None:
    grow(tmp_path / "sys/class/dmi/id", {name: f"{text}\n" for name, text in firmware.items()})
    assert machine(tmp_path).board == board


def test_missing_values_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found, state, watch = machine(tmp_path), conditions(tmp_path), Watch(tmp_path)
    assert (found.board, found.emulated, found.system) == (None, None, platform.system())
    assert replace(state, at="") == Conditions("")
    assert (watch.others(0.0), watch.energy_j()) == (None, None)


def test_undecodable_bytes_are_none(pi4: Path) -> None:
    for name in ("proc/device-tree/model", "proc/stat", "proc/loadavg", "etc/os-release"):
        (pi4 / name).write_bytes(b"\xff\xfe\x00\x9f")
    found = machine(pi4)
    assert (found.board, found.system, conditions(pi4).load) == (None, platform.system(), None)
    assert Watch(pi4).others(0.0) is None


def test_an_emulated_machine_has_no_board(pi4: Path) -> None:
    for name, program in (("self", "/usr/bin/python3.11"), ("thread-self", "/usr/bin/qemu-aarch64")):
        (pi4 / "proc" / name).mkdir()
        (pi4 / "proc" / name / "exe").symlink_to(program)
    found = machine(pi4)
    assert (found.board, found.processor) == (None, "Cortex-A72")
    assert found.emulated is not None


def stat(root: Path, **ticks: int) -> None:
    """Advance the tree's counters of four processors by these ticks."""
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
    start = {"user": HOUR, "system": HOUR, "idle": HOUR}
    values = [start.get(name, 0) + ticks.get(name, 0) for name in names]
    (root / "proc/stat").write_text(f"cpu  {' '.join(map(str, values))}\ncpu0 0\n")


@pytest.mark.parametrize(
    ("ticks", "own", "others"),
    [
        ({"user": 100, "idle": 300}, 1.0, 0.0),
        ({"user": 100, "idle": 300}, 0.5, 0.125),
        ({"user": 100, "idle": 200, "steal": 100}, 1.0, 0.25),
        ({"nice": 40, "system": 30, "irq": 20, "softirq": 10, "idle": 200, "iowait": 100}, 0.0, 0.25),
        ({"user": 200, "guest": 100, "idle": 200}, 1.0, 0.25),  # guest time is part of user time
        ({"user": 100, "idle": 300}, 1.2, 0.0),  # ticks are coarse
    ],
)
def test_others_is_the_rest_of_the_busy_time(
    pi4: Path, ticks: dict[str, int], own: float, others: float
) -> None:
    second = os.sysconf("SC_CLK_TCK") // 100
    watch = Watch(pi4)
    assert watch.others(0.0) is None  # no time has passed
    stat(pi4, **{name: second * count for name, count in ticks.items()})
    assert watch.others(own) == pytest.approx(others)


def rapl(root: Path, zone: str, name: str, microjoules: int) -> None:
    files = {"name": f"{name}\n", "energy_uj": f"{microjoules}\n", "max_energy_range_uj": "262143328850\n"}
    grow(root / "sys/class/powercap" / zone, files)


def test_energy_sums_all_packages_and_handles_wraparound(tmp_path: Path) -> None:
    rapl(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    rapl(tmp_path, "intel-rapl:1", "package-1", 262_143_000_000)
    rapl(tmp_path, "intel-rapl:2", "psys", 0)  # the whole machine, which includes the packages
    rapl(tmp_path, "intel-rapl:0:0", "core", 0)  # a part of a package
    watch = Watch(tmp_path)
    assert watch.energy_j() == 0.0
    rapl(tmp_path, "intel-rapl:0", "package-0", 3_500_000)
    rapl(tmp_path, "intel-rapl:1", "package-1", 171_150)
    rapl(tmp_path, "intel-rapl:2", "psys", 9_000_000)
    assert watch.energy_j() == pytest.approx(3.0)
    (tmp_path / "sys/class/powercap/intel-rapl:1/energy_uj").unlink()
    assert watch.energy_j() is None


def test_this_machine() -> None:
    watch = Watch()
    own = time.process_time()
    end = time.perf_counter() + 0.3
    while time.perf_counter() < end:
        pass
    own = time.process_time() - own
    found, told = machine(), described.describe()
    assert (found.architecture, found.cores) == (platform.machine(), os.cpu_count())
    assert list(found.features or ()) == (told["extensions"] or [])
    assert found.memory_bytes == told["memory_bytes"]
    assert found.software == f"Python {platform.python_version()}"
    with_us, without_us = watch.others(0.0), watch.others(own)
    if with_us is not None and without_us is not None:
        assert 0 <= without_us <= with_us <= 1
        assert with_us > 0
    assert watch.energy_j() is None or watch.energy_j() != 0
    assert conditions().load is not None
