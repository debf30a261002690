"""Check whether a board is ready for measurements, with a fix for each problem."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...models.errors import EdgewiseError
from ..bench.trust import _SINCE_BOOT, _THROTTLE
from .transport import Board

State = Literal["good", "doubtful", "bad"]

_FACTS = Path(__file__).with_name("_facts.py")
_ARCHITECTURES = ("aarch64", "x86_64")  # for which engines are available
_GLIBC = (2, 28)  # required by the wheels of numpy and ONNX Runtime
_ROOM_BYTES = 400 << 20  # for the largest pair of engines, including unpacking
_CLOCK_S = 60.0
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One property of a board: 'bad' must be fixed first, 'doubtful' makes results less trustworthy."""

    subject: str
    state: State
    found: str
    fix: str | None = None


def facts(board: Board) -> dict[str, Any]:
    """The output of `_facts`, plus "clock_s": how far the board's clock is ahead of ours."""
    start = time.time()
    *_, line = board.call("examine the board", ["python3", "-c", _FACTS.read_text("utf-8")])
    found: dict[str, Any] = json.loads(line)
    # The board's time was read between our two, so what remains is the difference of the clocks.
    found["clock_s"] = min(found["time"] - start, 0.0) + max(found["time"] - time.time(), 0.0)
    return found


def findings(found: dict[str, Any], name: str) -> list[Finding]:
    """The findings from `facts`."""
    judges = (_userland, _libc, _python, _venv, _space, _runtime, _governor, _throttling, _clock)
    return [finding for judge in judges for finding in judge(found, name)]


def require_fit(found: dict[str, Any], name: str) -> None:
    """Refuse a board that cannot be used for measurements.

    Raises:
        EdgewiseError: a finding is bad.
    """
    for finding in findings(found, name):
        if finding.state == "bad":
            raise EdgewiseError(f"{name}: {finding.subject}: {finding.found}; {finding.fix}")


def usable(found: dict[str, Any]) -> bool:
    """Whether the board was set up for its current Python."""
    installed = found["installed"]
    return installed is not None and installed["python"][:2] == found["python"][:2]


def _userland(found: dict[str, Any], _: str) -> Iterator[Finding]:
    told = f"{found['bits']} bits, {found['architecture']}"
    good = found["bits"] == 64 and found["architecture"] in _ARCHITECTURES
    fix = "the engines require 64-bit Arm or x86: install the 64-bit Raspberry Pi OS"
    yield Finding("userland", "good", told) if good else Finding("userland", "bad", told, fix)


def _libc(found: dict[str, Any], _: str) -> Iterator[Finding]:
    told = found["libc"] or "no glibc"
    name, _, version = told.partition(" ")
    good = name == "glibc" and tuple(map(int, version.split(".")[:2])) >= _GLIBC
    fix = f"the engines need glibc {'.'.join(map(str, _GLIBC))}: install Raspberry Pi OS bookworm or newer"
    yield Finding("C library", "good", told) if good else Finding("C library", "bad", told, fix)


def _python(found: dict[str, Any], _: str) -> Iterator[Finding]:
    yield Finding(
        "Python", "good", ".".join(map(str, found["python"]))
    )  # the connection refuses older versions


def _venv(found: dict[str, Any], _: str) -> Iterator[Finding]:
    if found["venv"] and found["pip"]:
        yield Finding("venv", "good", Path(found["pip"]).stem.replace("-py3-none-any", "").replace("-", " "))
    else:
        state: State = "doubtful" if found["installed"] else "bad"
        missing = "pip for venv" if found["venv"] else "the module venv"
        yield Finding("venv", state, f"{missing} is missing", "run there: sudo apt install python3-venv")


def _space(found: dict[str, Any], _: str) -> Iterator[Finding]:
    free = found["free_bytes"]
    told = f"{free / _MIB:,.0f} MiB free in the home folder"
    if free >= _ROOM_BYTES:
        yield Finding("space", "good", told)
        return
    state: State = "doubtful" if found["installed"] else "bad"
    yield Finding("space", state, told, f"setup needs {_ROOM_BYTES / _MIB:.0f} MiB: free some space there")


def _runtime(found: dict[str, Any], name: str) -> Iterator[Finding]:
    fix = f"run: edgewise device setup {name}"
    if usable(found):
        targets = found["installed"]["targets"].items()
        yield Finding("runtime", "good", ", ".join(f"{target} {version}" for target, version in targets))
    else:
        told = "set up for another Python" if found["installed"] else "not set up yet"
        yield Finding("runtime", "doubtful", told, fix)


def _governor(found: dict[str, Any], _: str) -> Iterator[Finding]:
    governors = found["governors"]
    if not governors:
        yield Finding("governor", "good", "none: the system does not change frequencies")
    elif governors == ["performance"]:
        yield Finding("governor", "good", "performance")
    else:
        files = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        fix = f"run there: echo performance | sudo tee {files}"
        yield Finding("governor", "doubtful", ", ".join(governors), fix)


def _throttling(found: dict[str, Any], _: str) -> Iterator[Finding]:
    if found["throttled"] is None:
        yield Finding("throttling", "good", "unknown: no vcgencmd, or no permission to run it")
        return
    bits = int(found["throttled"].partition("=")[2], 16)
    for when, shift in (("now", 0), ("since boot", _SINCE_BOOT)):
        told = [words for bit, words in enumerate(_THROTTLE) if bits >> shift >> bit & 1]
        if told:
            weak = bits >> shift & 1
            fix = "use the official power supply" if weak else "cool the board with a fan or heat sink"
            yield Finding("throttling", "doubtful", f"{', '.join(told)} {when}", fix)
    if not bits:
        yield Finding("throttling", "good", "none since boot")


def _clock(found: dict[str, Any], _: str) -> Iterator[Finding]:
    apart = found["clock_s"]
    if abs(apart) <= _CLOCK_S:
        yield Finding("clock", "good", "same as here")
        return
    told = f"{abs(apart):,.0f} s {'ahead of' if apart > 0 else 'behind'} this machine's"
    fix = "pip may reject certificates; run there: sudo timedatectl set-ntp true"
    yield Finding("clock", "doubtful", told, fix)
