"""Properties of phones, including incomplete ones."""

from edgewise.runtime.devices._adb_phone import read_conditions, read_machine


def test_androids_emulator_is_recognized() -> None:
    text = "ro.product.model: sdk_gphone64\nro.boot.qemu: 1\nro.kernel.qemu: \narchitecture: x86_64\n"
    assert read_machine(text).emulated == "the Android emulator"


def test_missing_properties_of_a_phone_are_none() -> None:
    machine = read_machine("ro.product.cpu.abi: arm64-v8a\nkernel: \ncores: 0\n")
    assert (machine.board, machine.processor, machine.kernel, machine.features) == (None,) * 4
    assert (machine.cores, machine.memory_bytes, machine.emulated) == (None,) * 3
    assert (machine.architecture, machine.system) == ("arm64-v8a", "Android ? (API ?)")


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
