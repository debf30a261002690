"""What a board must be to be measured on, and the mend for what it is not."""

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
_ARCHITECTURES = ("aarch64", "x86_64")  # that engines come built for
_GLIBC = (2, 28)  # which the wheels of numpy and ONNX Runtime are built against
_ROOM_BYTES = 400 << 20  # for the largest pair of engines, and to unpack it
_CLOCK_S = 60.0
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that matters on a board: what is bad must be mended first, what is doubtful costs trust."""

    subject: str
    state: State
    found: str
    mend: str | None = None


def facts(board: Board) -> dict[str, Any]:
    """See `_facts`; "clock_s" is how far the board's clock is ahead of ours."""
    start = time.time()
    *_, line = board.call("examine the board", ["python3", "-c", _FACTS.read_text("utf-8")])
    found: dict[str, Any] = json.loads(line)
    # Asked between the two: what is left is the difference of the clocks.
    found["clock_s"] = min(found["time"] - start, 0.0) + max(found["time"] - time.time(), 0.0)
    return found


def findings(found: dict[str, Any], name: str) -> list[Finding]:
    """All that `facts` say, judged."""
    judges = (_userland, _libc, _python, _venv, _space, _runtime, _governor, _throttling, _clock)
    return [finding for judge in judges for finding in judge(found, name)]


def require_fit(found: dict[str, Any], name: str) -> None:
    """Refuse a board that cannot be measured on.

    Raises:
        EdgewiseError: it is bad in some way.
    """
    for finding in findings(found, name):
        if finding.state == "bad":
            raise EdgewiseError(f"{name}: {finding.subject}: {finding.found}; {finding.mend}")


def usable(found: dict[str, Any]) -> bool:
    """Whether the board was set up, for the Python that it has now."""
    installed = found["installed"]
    return installed is not None and installed["python"][:2] == found["python"][:2]


def _userland(found: dict[str, Any], _: str) -> Iterator[Finding]:
    told = f"{found['bits']} bits, {found['architecture']}"
    good = found["bits"] == 64 and found["architecture"] in _ARCHITECTURES
    mend = "the engines come for 64-bit Arm and x86: install the 64-bit Raspberry Pi OS"
    yield Finding("userland", "good", told) if good else Finding("userland", "bad", told, mend)


def _libc(found: dict[str, Any], _: str) -> Iterator[Finding]:
    told = found["libc"] or "no glibc"
    name, _, version = told.partition(" ")
    good = name == "glibc" and tuple(map(int, version.split(".")[:2])) >= _GLIBC
    mend = f"the engines need glibc {'.'.join(map(str, _GLIBC))}: install Raspberry Pi OS bookworm or newer"
    yield Finding("C library", "good", told) if good else Finding("C library", "bad", told, mend)


def _python(found: dict[str, Any], _: str) -> Iterator[Finding]:
    yield Finding("Python", "good", ".".join(map(str, found["python"])))  # or the connection had refused it


def _venv(found: dict[str, Any], _: str) -> Iterator[Finding]:
    if found["venv"] and found["pip"]:
        yield Finding("venv", "good", Path(found["pip"]).stem.replace("-py3-none-any", "").replace("-", " "))
    else:
        state: State = "doubtful" if found["installed"] else "bad"
        missing = "pip for it" if found["venv"] else "the module"
        yield Finding("venv", state, f"{missing} is missing", "run there: sudo apt install python3-venv")


def _space(found: dict[str, Any], _: str) -> Iterator[Finding]:
    free = found["free_bytes"]
    told = f"{free / _MIB:,.0f} MiB free at home"
    if free >= _ROOM_BYTES:
        yield Finding("space", "good", told)
        return
    state: State = "doubtful" if found["installed"] else "bad"
    yield Finding("space", state, told, f"setting up takes {_ROOM_BYTES / _MIB:.0f} MiB: make room there")


def _runtime(found: dict[str, Any], name: str) -> Iterator[Finding]:
    mend = f"run: edgewise device setup {name}"
    if usable(found):
        targets = found["installed"]["targets"].items()
        yield Finding("runtime", "good", ", ".join(f"{target} {version}" for target, version in targets))
    else:
        told = "made for another Python" if found["installed"] else "not set up yet"
        yield Finding("runtime", "doubtful", told, mend)


def _governor(found: dict[str, Any], _: str) -> Iterator[Finding]:
    governors = found["governors"]
    if not governors:
        yield Finding("governor", "good", "none: the system does not change frequencies")
    elif governors == ["performance"]:
        yield Finding("governor", "good", "performance")
    else:
        files = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        mend = f"run there: echo performance | sudo tee {files}"
        yield Finding("governor", "doubtful", ", ".join(governors), mend)


def _throttling(found: dict[str, Any], _: str) -> Iterator[Finding]:
    if found["throttled"] is None:
        yield Finding("throttling", "good", "not told: no vcgencmd, or not allowed to ask it")
        return
    bits = int(found["throttled"].partition("=")[2], 16)
    for when, shift in (("now", 0), ("since it started", _SINCE_BOOT)):
        told = [words for bit, words in enumerate(_THROTTLE) if bits >> shift >> bit & 1]
        if told:
            weak = bits >> shift & 1
            mend = "use the board's own power supply" if weak else "cool it: a fan, or a heat sink"
            yield Finding("throttling", "doubtful", f"{', '.join(told)} {when}", mend)
    if not bits:
        yield Finding("throttling", "good", "none since it started")


def _clock(found: dict[str, Any], _: str) -> Iterator[Finding]:
    apart = found["clock_s"]
    if abs(apart) <= _CLOCK_S:
        yield Finding("clock", "good", "as here")
        return
    told = f"{abs(apart):,.0f} s {'ahead of' if apart > 0 else 'behind'} this machine's"
    mend = "pip refuses certificates then; run there: sudo timedatectl set-ntp true"
    yield Finding("clock", "doubtful", told, mend)
