"""The events that a Raspberry Pi 5 sends for a float model and its INT8 model, and their records."""

from typing import Any

import pytest

from edgewise.runtime.bench.gather import Gathered
from edgewise.runtime.bench.record import Record
from edgewise.runtime.bench.request import BenchRequest, Contender

_MACHINE: dict[str, Any] = {
    "board": "Raspberry Pi 5 Model B Rev 1.0",
    "system": "Debian GNU/Linux 12 (bookworm)",
    "kernel": "6.6.51+rpt-rpi-2712",
    "libc": "glibc 2.36",
    "architecture": "aarch64",
    "processor": "Cortex-A76",
    "features": ["asimd", "asimddp"],
    "cores": 4,
    "memory_bytes": 8_000_000_000,
    "software": "Python 3.11.2",
    "emulated": None,
    "core_capacities": None,
    "highest_mhz": [2400.0] * 4,
}
_CONDITIONS: dict[str, Any] = {
    "at": "2026-11-20T12:00:00.000+00:00",
    "governors": ["performance"] * 4,
    "frequencies_mhz": [2400.0] * 4,
    "temperatures_c": {"cpu-thermal": 55.1},
    "throttled": 0,
    "load": 0.2,
    "limits_c": {},
    "slowed": None,
    "throttle_count": None,
    "firmware_mhz": 2400.0,
}
_MODEL: dict[str, Any] = {"name": "tiny", "target": "tflite", "sha256": "ab" * 32, "size_bytes": 1000}
_ENGINE: dict[str, Any] = {
    "name": "LiteRT",
    "version": "2.3.0",
    "delegate": "XNNPACK",
    "operators": 70,
    "delegated": 69,
}


def _of(place: int, precision: str, part: str) -> list[dict[str, Any]]:
    model = _MODEL | {"precision": precision, "part": part}
    golden: dict[str, Any] = {"max_lsb": None, "max_rel": 1e-6, "output_sha256": "cd" * 32}
    told: list[dict[str, Any]] = [
        {"event": "opened", "launch": 0, "model": model, "engine": _ENGINE, "load_ms": 5.0, "first_ms": 30.0},
        {"event": "golden"} | golden,
        {"event": "warm", "warm_ups": 7},
    ]
    return [{"contender": place} | event for event in told]


def _times(place: int, turn: int) -> list[float]:
    """The times of a turn of ten: float takes 200 ms, INT8 100 ms, both up to 4 % more."""
    return [(200 - 100 * place) * (1 + 0.01 * ((turn + index) % 5)) for index in range(10)]


@pytest.fixture
def request_() -> BenchRequest:
    return BenchRequest((Contender("here", "reference"), Contender("here")), threads=2)


@pytest.fixture
def events() -> list[dict[str, Any]]:
    """All events of an undisturbed run, in order, as plain JSON data."""
    samples = [
        {
            "event": "samples",
            "contender": place,
            "launch": turn // 2,
            "ms": _times(place, turn),
            "mhz": 2400.0,
        }
        for turn in range(12)
        for place in (0, 1)
    ]
    ends = [{"event": "end_to_end", "contender": place, "ms": [210.0, 212.0]} for place in (0, 1)]
    closed = [{"event": "closed", "contender": place, "peak_rss_bytes": 20_000_000} for place in (0, 1)]
    return [
        {"event": "machine"} | _MACHINE,
        {"event": "placed", "cpus": None, "chosen": False},
        *_of(0, "fp32", "reference"),
        *_of(1, "w8a8", "model"),
        {"event": "before"} | _CONDITIONS,
        *samples,
        *ends,
        *closed,
        {"event": "after", "others": 0.01, "energy_mj": {"1": 250.0}} | _CONDITIONS,
        {"event": "done"},
    ]


@pytest.fixture
def records(request_: BenchRequest, events: list[dict[str, Any]]) -> list[Record]:
    """The records of the float and the INT8 model, both trusted."""
    gathered = Gathered(request_, "ssh://pi@board")
    for event in events:
        gathered.add(event)
    return gathered.records()
