"""Properties of phones, including incomplete ones."""

from edgewise.runtime.bench.cores import fastest
from edgewise.runtime.devices._adb_phone import read_conditions, read_machine


def test_androids_emulator_is_recognized() -> None:
    text = "ro.product.model: sdk_gphone64\nro.boot.qemu: 1\nro.kernel.qemu: \narchitecture: x86_64\n"
    assert read_machine(text).emulated == "the Android emulator"


def test_missing_properties_of_a_phone_are_none() -> None:
    machine = read_machine("ro.product.cpu.abi: arm64-v8a\nkernel: \ncores: 0\n")
    assert (machine.board, machine.processor, machine.kernel, machine.features) == (None,) * 4
    assert (machine.cores, machine.memory_bytes, machine.emulated) == (None,) * 3
    assert (machine.architecture, machine.system) == ("arm64-v8a", "Android ? (API ?)")


def test_the_speeds_of_a_phones_cores() -> None:
    """Some phones show capacities, others only frequencies, and those of cores that are off are missing."""
    folder = "speed /sys/devices/system/cpu/cpu"
    text = f"cores: 3\n{folder}10: 1024 2850000\n{folder}0: 325 1804800\n{folder}1:  \n"
    machine = read_machine(text)
    assert (machine.core_capacities, machine.highest_mhz) == ((325, 0, 1024), (1804.8, 0.0, 2850.0))
    machine = read_machine(f"cores: 2\n{folder}0:  1804800\n{folder}1:  2850000\n")
    assert (machine.core_capacities, machine.highest_mhz) == (None, (1804.8, 2850.0))
    assert fastest(machine, range(2), 1) == (1,)
    assert fastest(machine, range(2), 2) is None


def test_unreadable_state_is_unknown() -> None:
    text = (
        "core /sys/devices/system/cpu/cpu0:  \n"
        "cat: /proc/loadavg: Permission denied\nload: \n"
        "Can't find service: thermalservice\n"
    )
    found = read_conditions(text)
    assert (found.governors, found.frequencies_mhz, found.temperatures_c) == (None, None, None)
    assert (found.throttled, found.load) == (None, None)


def test_a_cool_phone_does_not_throttle() -> None:
    assert read_conditions("Thermal Status: 0\n").throttled == 0
