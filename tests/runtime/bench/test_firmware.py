"""What a Raspberry Pi's firmware says, and what it says if it cannot be asked."""

from pathlib import Path

import pytest

from edgewise.runtime.bench import firmware


@pytest.mark.parametrize(
    ("told", "bits"),
    [
        ("throttled=0x50005\n", 0x50005),
        ("throttled=0x0", 0),
        ("", None),
        (None, None),
        ("throttled=", None),
        ('error=1 error_msg="Command not registered"', None),
        ("VCHI initialization failed", None),
    ],
)
def test_what_the_firmware_says_of_throttling(told: str | None, bits: int | None) -> None:
    assert firmware.throttle_bits(told) == bits


def test_the_kernels_own_file_replaces_vcgencmd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raspberry Pi's Linux has one, in hexadecimal without a prefix."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert firmware.throttled(tmp_path) is None
    file = tmp_path / "sys/devices/platform/soc/soc:firmware/get_throttled"
    file.parent.mkdir(parents=True)
    file.write_text("50005\n")
    assert firmware.throttled(tmp_path) == 0x50005


def test_what_the_firmware_says_of_the_clock() -> None:
    assert firmware.clock_mhz("frequency(48)=1500345728\n") == pytest.approx(1500.345728)
    assert [firmware.clock_mhz(told) for told in ("frequency(0)=0", "", None, "error=2")] == [None] * 4
