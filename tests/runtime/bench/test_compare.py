"""Ratios within one run, and the sentences about them."""

from dataclasses import asdict, replace

import pytest

from edgewise.models.errors import UsageError
from edgewise.runtime.bench.compare import compare, comparisons
from edgewise.runtime.bench.record import BenchedModel, Record, part


def named(record: Record, **changes: str) -> Record:
    """The record, changed to be of another model."""
    model = part(BenchedModel, asdict(record.model) | changes)
    return replace(record, id="".join(changes.values()), model=model)


def times(record: Record, factor: float) -> Record:
    return replace(record, samples_ms=tuple(factor * time for time in record.samples_ms))


def test_int8_is_compared_with_its_float_model(records: list[Record]) -> None:
    exact, int8 = records
    found = compare(exact, int8)
    assert (found.slow, found.fast) == (exact.id, int8.id)
    assert found.ratio.ratio == pytest.approx(2)
    assert found.ratio.count == 120
    assert found.sentence == "INT8 is 2.00 times as fast as float, 95 % interval 2.00 to 2.00 over 6 launches"


def test_the_sentence_has_no_more_digits_than_the_interval_allows(records: list[Record]) -> None:
    exact, int8 = records
    wild = replace(int8, samples_ms=tuple(100 + 3 * (37 * place % 50) + place / 4 for place in range(120)))
    found = compare(exact, wild)
    low, high = found.ratio.interval.low, found.ratio.interval.high
    assert high - low > 0.1
    expected = f"{found.ratio.ratio:.1f} times as fast as float, 95 % interval {low:.1f} to {high:.1f}"
    assert found.sentence == f"INT8 is {expected} over 6 launches"


def test_slower_and_equal_models(records: list[Record]) -> None:
    exact, int8 = records
    slow = compare(exact, times(int8, 4)).sentence
    assert slow == "INT8 is slower: 0.50 times as fast as float, 95 % interval 0.50 to 0.50 over 6 launches"
    alike = compare(
        exact, times(int8, 1.995)
    ).sentence  # less than the difference of two processes with the same file
    expected = "no difference shown between INT8 and float: ratio 1.00, 95 % interval 1.00 to 1.00"
    assert alike == f"{expected} over 6 launches"


def test_the_interval_is_that_of_launches_if_there_are_enough(records: list[Record]) -> None:
    """Launches that differ widen it, although each was steady; with fewer it is that of the samples."""
    exact, int8 = records
    launches = (20,) * 6
    factors = [factor for factor in (1.0, 1.02, 0.98, 1.03, 0.97, 1.0) for _ in range(20)]
    moved = replace(
        int8, samples_ms=tuple(factor * time for factor, time in zip(factors, int8.samples_ms, strict=True))
    )
    found = compare(replace(exact, launches=launches), replace(moved, launches=launches))
    assert found.ratio.interval.low < 1.98
    assert found.ratio.interval.high > 2.02
    few = compare(replace(exact, launches=(30,) * 4), replace(moved, launches=(30,) * 4))
    assert few.sentence.endswith(" within launches, which differ by more")


def test_other_models_are_named_by_their_titles(records: list[Record]) -> None:
    exact, int8 = records
    onnx = named(int8, target="onnx")
    assert compare(int8, onnx).sentence.startswith(
        "no difference shown between tiny onnx w8a8 and tiny tflite"
    )
    other = named(int8, sha256="ef" * 32)
    assert "tiny tflite w8a8 (efefefef) and tiny tflite w8a8 (abababab)" in compare(int8, other).sentence
    mixed = named(int8, precision="w8a8-mixed")
    assert compare(exact, mixed).sentence.startswith("mixed INT8 is 2.00 times as fast as float")


def test_an_interrupted_round_is_truncated(records: list[Record]) -> None:
    exact, int8 = records
    found = compare(exact, replace(int8, samples_ms=int8.samples_ms[:110]))
    assert found.ratio.count == 110


def test_records_of_different_runs_are_refused(records: list[Record]) -> None:
    exact, int8 = records
    with pytest.raises(
        UsageError, match="tiny tflite fp32 and tiny tflite w8a8 were measured in different run"
    ):
        compare(exact, replace(int8, run="another"))


def test_emulated_times_are_not_compared(records: list[Record]) -> None:
    machine = replace(records[0].machine, emulated="qemu-aarch64")
    emulated = [replace(record, machine=machine) for record in records]
    with pytest.raises(UsageError, match="times under qemu-aarch64 cannot be compared"):
        compare(*emulated)
    assert comparisons(emulated) == []


def test_each_model_is_compared_with_its_float_model_and_the_rest_with_the_first(
    records: list[Record],
) -> None:
    exact, int8 = records
    onnx_exact, onnx = named(exact, target="onnx"), named(int8, target="onnx", precision="w8a8")
    found = comparisons([exact, int8, onnx_exact, onnx])
    assert [(pair.slow, pair.fast) for pair in found] == [
        (exact.id, int8.id),
        (onnx_exact.id, onnx.id),
        (int8.id, onnx.id),
    ]
    assert found[0].sentence.startswith("tiny tflite: INT8 is 2.00 times")
    assert found[1].sentence.startswith("tiny onnx: INT8 is 2.00 times")
    assert found[2].sentence.startswith("no difference shown between tiny onnx w8a8 and tiny tflite w8a8")
    floats = comparisons([exact, onnx_exact])
    assert [(pair.slow, pair.fast) for pair in floats] == [(exact.id, onnx_exact.id)]
    assert comparisons([int8]) == comparisons([]) == []
