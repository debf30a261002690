"""Several bundles and latency records on one page."""

import copy
from dataclasses import replace
from typing import Any

from edgewise.pipeline.report.overview import overview
from edgewise.runtime.bench.record import Record, Trust


def test_bundles_are_compared(manifest: dict[str, Any]) -> None:
    slower = copy.deepcopy(manifest)
    slower["latency"]["quantized"]["p50_ms"] = 9.0
    slower["verification"]["verdict"] = "fail"
    page = overview([("fast", manifest), ("slow <i>", slower), ("empty", {})], [])
    assert "<title>3 models</title>" in page
    assert "slow &lt;i&gt;" in page
    assert '<b class="fail">FAIL</b>' in page
    assert '<b class="pass">PASS</b>' in page
    assert "-0.75 (-1.83 to 0.34)" in page
    assert page.count("<svg") == 1


def test_estimates_are_marked(manifest: dict[str, Any]) -> None:
    found = manifest["verification"] | {"basis": "estimated", "drop": None}
    found["estimate"] = {"points": 0.3, "interval": {"low": 0.1, "high": 0.9}, "count": 300}
    page = overview([("a", manifest | {"verification": found})], [])
    assert "~0.30 (0.10 to 0.90)" in page
    assert "PASS (estimated)" in page
    assert "<svg" not in page  # a single model has nothing to be compared with


def test_records_have_timelines_and_reasons(record: Record) -> None:
    page = overview([], [record])
    assert "<title>1 latency record</title>" in page
    assert record.model.title in page
    assert page.count("<svg") == 1
    assert "Before: at most 50 \u00b0C, 2400 MHz, governor performance." in page
    assert '<td class="good">yes</td>' in page
    doubted = replace(record, verdict=Trust(trusted=False, reasons=("drift 8 %", "hot")), samples_ms=())
    page = overview([], [doubted] * 2)
    assert '<td class="bad">drift 8 %; hot</td>' in page
    assert "<svg" not in page


def test_nothing() -> None:
    assert "<title>nothing</title>" in overview([], [])
