"""Times by device, runtime and precision."""

from dataclasses import replace
from typing import Any

from edgewise.pipeline.report.fields import Fields
from edgewise.pipeline.report.matrix import Cell, matrices
from edgewise.runtime.bench.record import Record, Trust


def test_bundles_give_a_row_and_records_one_for_each_device(manifest: dict[str, Any], record: Record) -> None:
    model = replace(record.model, name="mobilenetv2")
    first = replace(record, model=model)
    later = replace(first, started="2027-01-01T00:00:00+00:00", verdict=Trust(trusted=False))
    exact = replace(first, model=replace(model, precision="fp32"), threads=4)
    tflite = manifest | {"target": "tflite", "precision": "fp16"}
    (found,) = matrices([Fields(manifest), Fields(tflite), Fields({})], [later, first, exact])
    assert found.name == "mobilenetv2"
    assert found.groups == [("ONNX", 2), ("TFLite", 3)]
    assert found.precisions == ["fp32", "w8a8", "fp32", "fp16", "w8a8"]
    own, one, four = found.rows
    assert own == (
        "AMD EPYC, at export (CPU time, 1 thread)",
        [Cell(3.87), Cell(2.07, best=True), Cell(3.87), Cell(2.07, best=True), None],
    )
    time = record.summary.p50_ms
    untrusted = Cell(time, trusted=False)  # the latest
    assert one == ("Board 5 (ssh://pi@board), 1 thread", [None, None, None, None, untrusted])
    assert four == ("Board 5 (ssh://pi@board), 4 threads", [None, None, Cell(time), None, None])


def test_networks_are_kept_apart_and_a_single_time_is_no_matrix(
    manifest: dict[str, Any], record: Record
) -> None:
    other = manifest | {"name": "resnet18"}
    found = matrices([Fields(manifest), Fields(other)], [record])
    assert [one.name for one in found] == ["mobilenetv2", "resnet18"]
    assert matrices([], [record]) == []


def test_what_is_no_target_or_precision_is_left_out(manifest: dict[str, Any], record: Record) -> None:
    odd = [manifest | {"target": "<b>"}, manifest | {"precision": ["w8a8"], "latency": 3}, {"name": 3}]
    models = replace(record.model, target="?"), replace(record.model, precision="?")
    strange = [replace(record, model=model) for model in models]
    assert matrices(map(Fields, odd), strange) == []
