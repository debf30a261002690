"""Several bundles and latency records on one page."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

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


def test_accuracy_is_drawn_where_every_model_has_one(manifest: dict[str, Any]) -> None:
    page = overview([("a", manifest), ("b", manifest)], [])
    assert "Each model by its number: top-1 accuracy against time" in page
    assert ">top-1 accuracy in percent<" in page
    without = manifest | {"verification": manifest["verification"] | {"quantized_accuracy": None}}
    page = overview([("a", manifest), ("b", without)], [])
    assert ">agreement with the original in percent<" in page


def test_times_make_a_matrix(manifest: dict[str, Any], record: Record) -> None:
    named = replace(record, model=replace(record.model, name="mobilenetv2"))
    page = overview([("a", manifest)], [named])
    assert "mobilenetv2: median milliseconds; the least" in page
    assert "<b>2.07</b>" in page


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_a_phone_too(
    manifest: dict[str, Any], record: Record, require_fitting: Callable[[str, int], None], width: int
) -> None:
    targets = [manifest | {"target": target} for target in ("tflite", "onnx", "openvino")]
    named = replace(record, model=replace(record.model, name="mobilenetv2"))
    require_fitting(overview([(found["target"], found) for found in targets], [named]), width)


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
