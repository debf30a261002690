"""What is found on a board, judged: each fault gives its mend."""

from pathlib import Path
from typing import Any

import pytest

from edgewise.models.errors import EdgewiseError
from edgewise.runtime.devices.board import findings, require_fit, usable

NAME = "ssh://pi@board"
GOOD = {
    "board": "Raspberry Pi 5 Model B Rev 1.0",
    "bits": 64,
    "architecture": "aarch64",
    "dot_product": True,
    "libc": "glibc 2.36",
    "python": [3, 11, 2],
    "venv": True,
    "pip": "/usr/share/python-wheels/pip-23.0.1-py3-none-any.whl",
    "home": str(Path("/", "home", "pi")),
    "installed": {"targets": {"tflite": "2.3.0"}, "python": [3, 11, 1]},
    "free_bytes": 8 << 30,
    "governors": ["performance"],
    "throttled": "throttled=0x0",
    "clock_s": 0.5,
}


def test_a_good_board_has_no_mends() -> None:
    assert {finding.state for finding in findings(GOOD, NAME)} == {"good"}
    assert all(finding.mend is None for finding in findings(GOOD, NAME))
    require_fit(GOOD, NAME)


@pytest.mark.parametrize(
    ("change", "state", "told", "mend"),
    [
        ({"bits": 32, "architecture": "aarch64"}, "bad", "32 bits, aarch64", "64-bit Raspberry Pi OS"),
        ({"architecture": "riscv64"}, "bad", "64 bits, riscv64", "engines come for 64-bit Arm and x86"),
        ({"libc": "glibc 2.27"}, "bad", "glibc 2.27", "need glibc 2.28"),
        ({"libc": None}, "bad", "no glibc", "bookworm or newer"),
        ({"pip": None}, "doubtful", "pip for it is missing", "sudo apt install python3-venv"),
        ({"pip": None, "installed": None}, "bad", "pip for it is missing", "sudo apt install python3-venv"),
        ({"free_bytes": 99 << 20}, "doubtful", "99 MiB free", "make room"),
        ({"free_bytes": 99 << 20, "installed": None}, "bad", "99 MiB free", "takes 400 MiB: make room"),
        ({"installed": None}, "doubtful", "not set up yet", f"run: edgewise device setup {NAME}"),
        ({"python": [3, 13, 5]}, "doubtful", "made for another Python", "edgewise device setup"),
        ({"governors": ["ondemand"]}, "doubtful", "ondemand", "echo performance | sudo tee"),
        ({"throttled": "throttled=0x50005"}, "doubtful", "under-voltage, throttling now", "power supply"),
        ({"throttled": "throttled=0x80000"}, "doubtful", "temperature limit since it started", "cool it"),
        ({"clock_s": -7200.0}, "doubtful", "7,200 s behind", "timedatectl set-ntp true"),
    ],
)
def test_a_fault_gives_its_mend(change: dict[str, Any], state: str, told: str, mend: str) -> None:
    found = [finding for finding in findings(GOOD | change, NAME) if finding.state != "good"]
    assert any(
        (one.state, told in one.found, mend in (one.mend or "")) == (state, True, True) for one in found
    )
    if state == "bad":
        with pytest.raises(EdgewiseError, match=f"^{NAME}: .*{told}"):
            require_fit(GOOD | change, NAME)
    else:
        require_fit(GOOD | change, NAME)


def test_a_runtime_serves_the_python_that_it_was_made_for() -> None:
    assert usable(GOOD)
    assert usable(GOOD | {"python": [3, 11, 9]})
    assert not usable(GOOD | {"python": [3, 12, 0]})
    assert not usable(GOOD | {"installed": None})
