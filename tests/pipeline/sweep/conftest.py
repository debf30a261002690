"""Rows of a sweep that never ran, for what only reads and compares them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgewise.pipeline.sweep.figures import Change, Share, SweepRow, SweptFile, SweptTime
from edgewise.pipeline.sweep.run import Sweep

_FILE = SweptFile(
    precision="w8a8",
    verdict="pass",
    basis="measured",
    reason="top-1 drop 0.50 points",
    pixels="224",
    weights="ImageNet weights",
    weights_sha256="ab" * 32,
    size_bytes=3_600_000,
    float_size_bytes=14_000_000,
    parity=1e-6,
    sqnr_db=21.0,
    agreement=Share(0.95, 0.92, 0.97, 400),
    top1=Share(0.70, 0.65, 0.74, 400),
    drop=Change(0.5, -0.5, 1.5),
    operators=70,
    integer_operators=68,
    right="1" * 280 + "0" * 120,
)
_TIME = SweptTime(
    device="local",
    processor="A processor",
    engine="LiteRT 2",
    threads=1,
    p50_ms=10.0,
    low_ms=9.9,
    high_ms=10.1,
    p90_ms=11.0,
    peak_rss_bytes=20_000_000,
    speedup=Change(2.0, 1.95, 2.05),
    trusted=True,
    doubts=(),
    started="2026-12-01T00:00:00+00:00",
    record="1f",
)
_ROW = SweepRow(
    network="mobilenetv2",
    target="tflite",
    requested="w8a8",
    key="cd" * 32,
    bundle="/nowhere",
    file=_FILE,
    failure=None,
    times=(_TIME,),
    pictures="ef" * 32,
    seconds=60.0,
    peak_rss_bytes=1_000_000_000,
    reused=False,
)


def _row(*, file: dict[str, Any] | None = None, time: dict[str, Any] | None = None, **row: Any) -> SweepRow:
    made = replace(_ROW, file=replace(_FILE, **(file or {})), times=(replace(_TIME, **(time or {})),))
    return replace(made, **row)


def _sweep(*rows: SweepRow) -> Sweep:
    return Sweep(rows, {"edgewise": "1.0", "torch": "2.9"}, {"processor": "p", "isa": "i"}, 1.0, Path("c"))


@pytest.fixture(scope="session")
def row() -> Callable[..., SweepRow]:
    """A row with some fields of its own."""
    return _row


@pytest.fixture(scope="session")
def sweep_of() -> Callable[..., Sweep]:
    """A sweep of some rows."""
    return _sweep
