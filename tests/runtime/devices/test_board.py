"""The findings on a board: each problem comes with a fix."""

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


def test_a_good_board_needs_no_fixes() -> None:
    assert {finding.state for finding in findings(GOOD, NAME)} == {"good"}
    assert all(finding.fix is None for finding in findings(GOOD, NAME))
    require_fit(GOOD, NAME)


@pytest.mark.parametrize(
    ("change", "state", "told", "fix"),
    [
        ({"bits": 32, "architecture": "aarch64"}, "bad", "32 bits, aarch64", "64-bit Raspberry Pi OS"),
        ({"architecture": "riscv64"}, "bad", "64 bits, riscv64", "engines require 64-bit Arm or x86"),
        ({"libc": "glibc 2.27"}, "bad", "glibc 2.27", "need glibc 2.28"),
        ({"libc": None}, "bad", "no glibc", "bookworm or newer"),
        ({"pip": None}, "doubtful", "pip for venv is missing", "sudo apt install python3-venv"),
        ({"pip": None, "installed": None}, "bad", "pip for venv is missing", "sudo apt install python3-venv"),
        ({"free_bytes": 99 << 20}, "doubtful", "99 MiB free", "free some space"),
        ({"free_bytes": 99 << 20, "installed": None}, "bad", "99 MiB free", "needs 400 MiB: free some space"),
        ({"installed": None}, "doubtful", "not set up yet", f"run: edgewise device setup {NAME}"),
        ({"python": [3, 13, 5]}, "doubtful", "set up for another Python", "edgewise device setup"),
        ({"governors": ["ondemand"]}, "doubtful", "ondemand", "echo performance | sudo tee"),
        ({"throttled": "throttled=0x50005"}, "doubtful", "under-voltage, throttling now", "power supply"),
        ({"throttled": "throttled=0x80000"}, "doubtful", "temperature limit since boot", "cool the board"),
        ({"clock_s": -7200.0}, "doubtful", "7,200 s behind", "timedatectl set-ntp true"),
    ],
)
def test_a_problem_has_its_fix(change: dict[str, Any], state: str, told: str, fix: str) -> None:
    found = [finding for finding in findings(GOOD | change, NAME) if finding.state != "good"]
    assert any((one.state, told in one.found, fix in (one.fix or "")) == (state, True, True) for one in found)
    if state == "bad":
        with pytest.raises(EdgewiseError, match=f"^{NAME}: .*{told}"):
            require_fit(GOOD | change, NAME)
    else:
        require_fit(GOOD | change, NAME)


def test_a_runtime_is_usable_only_by_its_python() -> None:
    assert usable(GOOD)
    assert usable(GOOD | {"python": [3, 11, 9]})
    assert not usable(GOOD | {"python": [3, 12, 0]})
    assert not usable(GOOD | {"installed": None})
