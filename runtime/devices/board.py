"""Check whether a board is ready for measurements, with a fix for each problem."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...export.facts import TARGETS
from ...models.errors import EdgewiseError
from ...models.printable import printable
from ..bench.firmware import BITS, SINCE_BOOT, throttle_bits
from .transport import Board

State = Literal["good", "doubtful", "bad"]

_FACTS = Path(__file__).with_name("_facts.py")
_ARCHITECTURES = ("aarch64", "x86_64")  # for which engines are available
_GLIBC = (2, 28)  # required by the wheels of numpy and ONNX Runtime, and on x86 by all
_PYTHON = (3, 11)  # required by edgewise and the engines
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


def facts(board: Board, python: str = "python3") -> dict[str, Any]:
    """The output of `_facts` in `python`, plus "clock_s": how far the board's clock is ahead of ours.

    Raises:
        EdgewiseError: `python` is no Python of the board.
    """
    start = time.time()
    try:
        *_, line = board.call("examine the board", [python, "-c", _FACTS.read_text("utf-8")])
    except EdgewiseError as error:
        if python == "python3":  # the keeper runs in it
            raise
        raise EdgewiseError(
            f"{error}; is {python!r} a Python of the board? It may have to be a path"
        ) from error
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
    """Whether the board was set up, and the environment's Python still is the one that it was set up for."""
    installed, python = found["installed"], found["engine_python"]
    return bool(installed and python and installed["python"][:2] == python[:2])


def require_libc(found: dict[str, Any], name: str, targets: Sequence[str]) -> None:
    """Refuse targets whose engines need a newer C library than the board has.

    Raises:
        EdgewiseError: one does.
    """
    version = _glibc(found)
    for target in targets:
        if version and version < (least := _needed_glibc(found, target)):
            raise EdgewiseError(
                f"{name}: {TARGETS[target].title} needs glibc {_dotted(least)}, but the board has "
                f"{_dotted(version)}; {_newer_system(found)}, or use another target"
            )


def _userland(found: dict[str, Any], _: str) -> Iterator[Finding]:
    told = f"{found['bits']} bits, {found['architecture']}"
    good = found["bits"] == 64 and found["architecture"] in _ARCHITECTURES
    system = "the 64-bit Raspberry Pi OS" if _is_pi(found) else "a 64-bit system"
    fix = f"the engines require 64-bit Arm or x86: install {system}"
    yield Finding("userland", "good", told) if good else Finding("userland", "bad", told, fix)


def _libc(found: dict[str, Any], _: str) -> Iterator[Finding]:
    told, version = found["libc"] or "no glibc", _glibc(found)
    if version is None or version < _GLIBC:
        fix = f"the engines need glibc {_dotted(_GLIBC)}: {_newer_system(found)}"
        yield Finding("C library", "bad", told, fix)
        return
    old = [row.title for name, row in TARGETS.items() if version < _needed_glibc(found, name)]
    if old:
        fix = f"too old for {' and '.join(old)}: {_newer_system(found)}"
        yield Finding("C library", "doubtful", told, fix)
    else:
        yield Finding("C library", "good", told)


def _python(found: dict[str, Any], name: str) -> Iterator[Finding]:
    version = found["engine_python"] if usable(found) else found["python"]
    told = ".".join(map(str, version))
    if tuple(version[:2]) >= _PYTHON:
        yield Finding("Python", "good", told)
        return
    there = found["pythons"]
    install = (
        ""
        if there
        else "install a newer one beside it (on Ubuntu 22.04 and JetPack 6: "
        "sudo apt install python3.11 python3.11-venv) and "
    )
    chosen = there[0] if there else "python3.11"
    run = f"run: edgewise device setup {name} --python {chosen}"
    fix = f"the engines need Python {_dotted(_PYTHON)}: {install}{run}"
    yield Finding("Python", "bad", told, fix)


def _glibc(found: dict[str, Any]) -> tuple[int, ...] | None:
    """The version of the GNU C library; None for another library."""
    name, _, version = (found["libc"] or "").partition(" ")
    return tuple(map(int, version.split(".")[:2])) if name == "glibc" else None


def _needed_glibc(found: dict[str, Any], target: str) -> tuple[int, ...]:
    return TARGETS[target].arm_glibc if found["architecture"] == "aarch64" else _GLIBC


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def _is_pi(found: dict[str, Any]) -> bool:
    return (found["board"] or "").startswith("Raspberry Pi")


def _newer_system(found: dict[str, Any]) -> str:
    """The advice to install one, for this kind of board."""
    board = found["board"] or ""
    if _is_pi(found):
        return "install Raspberry Pi OS bookworm or newer"
    if "Jetson" in board or "NVIDIA" in board:
        return "install JetPack 6 or newer"
    return "install a newer system, such as Debian 12 or Ubuntu 22.04"


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
        told = "set up for a Python that is gone" if found["installed"] else "not set up yet"
        yield Finding("runtime", "doubtful", told, fix)


def _governor(found: dict[str, Any], _: str) -> Iterator[Finding]:
    """What counts is the observed frequency; only this governor keeps an Arm processor at its lowest."""
    governors = found["governors"]
    if not governors:
        yield Finding("governor", "good", "none: Linux does not change frequencies")
    elif "powersave" in governors and found["architecture"] == "aarch64":
        files = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        fix = f"run there: echo performance | sudo tee {files}"
        yield Finding("governor", "doubtful", ", ".join(governors), fix)
    else:
        yield Finding("governor", "good", ", ".join(governors))


def _throttling(found: dict[str, Any], _: str) -> Iterator[Finding]:
    bits = throttle_bits(found["throttled"])
    if bits is None:
        if not _is_pi(found):
            yield Finding("throttling", "good", "no firmware to ask: heat and frequency will be observed")
            return
        said = printable(found["throttled"] or "it is missing, or may not be run")
        fix = "install it there (the package raspi-utils) and run there: sudo usermod -aG video $USER"
        yield Finding("throttling", "doubtful", f"unknown: vcgencmd gives no answer ({said})", fix)
        return
    for when, shift in (("now", 0), ("since boot", SINCE_BOOT)):
        told = [words for bit, words in enumerate(BITS) if bits >> shift >> bit & 1]
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
