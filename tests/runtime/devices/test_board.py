"""The findings on a board: each problem comes with a fix."""

import re
from pathlib import Path
from typing import Any

import pytest

from edgewise.models.errors import EdgewiseError
from edgewise.runtime.devices.board import findings, require_fit, require_libc, usable

NAME = "ssh://pi@board"
GOOD = {
    "board": "Raspberry Pi 5 Model B Rev 1.0",
    "bits": 64,
    "architecture": "aarch64",
    "dot_product": True,
    "libc": "glibc 2.36",
    "python": [3, 11, 2],
    "pythons": ["python3.11"],
    "engine_python": [3, 11, 2],
    "venv": True,
    "pip": "/usr/share/python-wheels/pip-23.0.1-py3-none-any.whl",
    "home": str(Path("/", "home", "pi")),
    "installed": {"targets": {"tflite": "2.3.0"}, "python": [3, 11, 1]},
    "free_bytes": 8 << 30,
    "governors": ["performance"],
    "throttled": "throttled=0x0",
    "clock_s": 0.5,
}


# JetPack 6: Ubuntu 22.04, whose python3 is 3.10.
JETSON = {"board": "NVIDIA Jetson AGX Orin Developer Kit", "throttled": None}
OTHER = {"board": "Radxa ROCK 5B", "throttled": None}
OLD = {"python": [3, 10, 12], "pythons": [], "engine_python": None, "installed": None}


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
        (
            {"libc": "glibc 2.31"},
            "doubtful",
            "glibc 2.31",
            "too old for OpenVINO and TFLite: install Raspberry",
        ),
        (JETSON | {"libc": "glibc 2.31"}, "doubtful", "glibc 2.31", "TFLite: install JetPack 6 or newer"),
        (
            OTHER | {"libc": "glibc 2.31"},
            "doubtful",
            "glibc 2.31",
            "a newer system, such as Debian 12 or Ubuntu",
        ),
        (JETSON | {"bits": 32}, "bad", "32 bits, aarch64", "install a 64-bit system"),
        (
            JETSON | OLD,
            "bad",
            "3.10.12",
            f"python3.11-venv) and run: edgewise device setup {NAME} --python python3",
        ),
        (
            JETSON | OLD | {"pythons": ["python3.12"]},
            "bad",
            "3.10.12",
            f"3.11: run: edgewise device setup {NAME} --p",
        ),
        ({"libc": None}, "bad", "no glibc", "bookworm or newer"),
        ({"pip": None}, "doubtful", "pip for venv is missing", "sudo apt install python3-venv"),
        ({"pip": None, "installed": None}, "bad", "pip for venv is missing", "sudo apt install python3-venv"),
        ({"free_bytes": 99 << 20}, "doubtful", "99 MiB free", "free some space"),
        ({"free_bytes": 99 << 20, "installed": None}, "bad", "99 MiB free", "needs 400 MiB: free some space"),
        ({"installed": None}, "doubtful", "not set up yet", f"run: edgewise device setup {NAME}"),
        (
            {"engine_python": [3, 13, 5]},
            "doubtful",
            "set up for a Python that is gone",
            "edgewise device setup",
        ),
        ({"governors": ["powersave"]}, "doubtful", "powersave", "echo performance | sudo tee"),
        ({"throttled": ""}, "doubtful", "vcgencmd gives no answer (it is missing", "usermod -aG video"),
        ({"throttled": None}, "doubtful", "vcgencmd gives no answer (it is missing", "usermod -aG video"),
        (
            {"throttled": "error=1 \x1b[2J"},
            "doubtful",
            "(error=1 \N{REPLACEMENT CHARACTER}[2J)",
            "usermod -aG video",
        ),
        ({"throttled": "throttled=0x50005"}, "doubtful", "under-voltage, throttling now", "power supply"),
        ({"throttled": "throttled=0x80000"}, "doubtful", "temperature limit since boot", "cool the board"),
        ({"clock_s": -7200.0}, "doubtful", "7,200 s behind", "timedatectl set-ntp true"),
    ],
)
def test_a_problem_has_its_fix(change: dict[str, Any], state: str, told: str, fix: str) -> None:
    found = [finding for finding in findings(GOOD | change, NAME) if finding.state != "good"]
    assert "Raspberry" not in " ".join(one.fix or "" for one in found) or "board" not in change
    assert any((one.state, told in one.found, fix in (one.fix or "")) == (state, True, True) for one in found)
    if state == "bad":
        with pytest.raises(EdgewiseError, match=f"^{NAME}: .*{re.escape(told)}"):
            require_fit(GOOD | change, NAME)
    else:
        require_fit(GOOD | change, NAME)


@pytest.mark.parametrize(
    "change",
    [
        {"governors": ["ondemand"]},  # what counts is the frequency that is observed
        {"governors": ["schedutil"]},
        {
            "governors": ["powersave"],
            "architecture": "x86_64",
        },  # of intel_pstate, which is no lowest frequency
        {"libc": "glibc 2.31", "architecture": "x86_64"},  # the wheels for x86 need less
        {"libc": "glibc 2.35", "board": "NVIDIA Jetson AGX Orin Developer Kit", "throttled": None},
        {"python": [3, 10, 12]},  # the environment has a newer one
    ],
)
def test_what_is_no_problem(change: dict[str, Any]) -> None:
    assert {finding.state for finding in findings(GOOD | change, NAME)} == {"good"}


def test_a_target_that_needs_a_newer_c_library_is_refused() -> None:
    """LiteRT's wheel for Arm needs 2.34, although its name promises 2.27."""
    old = GOOD | {"libc": "glibc 2.31"}
    require_libc(old, NAME, ["onnx"])
    require_libc(GOOD, NAME, ["onnx", "openvino", "tflite"])
    told = f"^{NAME}: TFLite needs glibc 2.34, but the board has 2.31; install Raspberry Pi OS bookworm"
    with pytest.raises(EdgewiseError, match=told):
        require_libc(old, NAME, ["onnx", "tflite"])


def test_a_runtime_is_usable_only_by_its_python() -> None:
    assert usable(GOOD)
    assert usable(GOOD | {"engine_python": [3, 11, 9]})
    assert usable(GOOD | {"python": [3, 10, 0]})
    assert not usable(GOOD | {"engine_python": [3, 12, 0]})
    assert not usable(GOOD | {"engine_python": None})
    assert not usable(GOOD | {"installed": None})
