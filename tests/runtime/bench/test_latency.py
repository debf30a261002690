"""Latency, really measured; only its plausibility can be tested."""

import json
from dataclasses import asdict, replace

import pytest

from edgewise.export.artifact import Artifact
from edgewise.models.errors import LatencyError
from edgewise.models.spec import Tensor32
from edgewise.runtime.bench.latency import Latency, Pace, SpeedLimits, measure, reasons
from edgewise.runtime.bench.timing import bootstrap_ratio, percentiles
from edgewise.runtime.structure import Operator, Structure
from edgewise.runtime.tflite.session import TfliteSession


def timed(slow: list[float], fast: list[float]) -> Latency:
    """A latency from given times."""
    return Latency(percentiles(slow), percentiles(fast), bootstrap_ratio(slow, fast))


def test_two_files_are_timed_interleaved(
    tiny_float: Artifact, tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32
) -> None:
    sessions = [TfliteSession(file.path, 1) for file in (tiny_float, tiny_int8["int8"])]
    found = measure(sessions, tiny_pictures[:1])
    assert found.quantized is not None
    assert found.speedup is not None
    assert found.float_wall is not None
    assert found.quantized_wall is not None
    for times in (found.float, found.quantized, found.float_wall, found.quantized_wall):
        assert 0 < times.min_ms <= times.p50_ms <= times.p90_ms
        assert times.count == found.speedup.count
    assert found.speedup.ratio == found.float.p50_ms / found.quantized.p50_ms
    assert found.speedup.interval.low <= found.speedup.interval.high
    assert json.loads(json.dumps(asdict(found))) == asdict(found)


def test_a_float_file_is_timed_alone(tiny_float: Artifact, tiny_pictures: Tensor32) -> None:
    found = measure([TfliteSession(tiny_float.path, 1)], tiny_pictures[:1])
    assert found.float.p50_ms > 0
    assert found.float_wall is not None
    assert found.quantized is None
    assert found.quantized_wall is None
    assert found.speedup is None
    assert found.pace is None


@pytest.mark.parametrize(
    ("slow", "fast", "pace"),
    [
        ([4.0, 4.1, 4.2], [2.0, 2.1, 2.2], Pace.FASTER),
        ([2.0, 2.1, 2.2], [4.0, 4.1, 4.2], Pace.SLOWER),
        ([2.0, 2.1, 2.2], [2.1, 2.0, 2.2], Pace.ALIKE),
    ],
)
def test_the_whole_interval_decides_which_is_faster(slow: list[float], fast: list[float], pace: Pace) -> None:
    assert timed(slow, fast).pace is pace


def test_limits_that_are_met() -> None:
    found = timed([4.0, 4.1, 4.2], [2.0, 2.1, 2.2])
    found.require(SpeedLimits(), "it")
    found.require(SpeedLimits(max_ms=2.1, min_speedup=1.9), "it")
    Latency(found.float).require(
        SpeedLimits(max_ms=4.1, min_speedup=1.9), "it"
    )  # a float file has no speed-up


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        (
            SpeedLimits(max_ms=2),
            r"^onnx w8a8: latency gate: 2\.10 ms of CPU time here, --max-latency allows 2$",
        ),
        (SpeedLimits(min_speedup=2.5), r"^onnx w8a8: latency gate: 1\.95 times as fast .* requires 2\.5$"),
    ],
)
def test_limits_that_are_exceeded(limits: SpeedLimits, complaint: str) -> None:
    with pytest.raises(LatencyError, match=complaint) as caught:
        timed([4.0, 4.1, 4.2], [2.0, 2.1, 2.2]).require(limits, "onnx w8a8")
    assert caught.value.exit_code == 5


def test_a_float_file_must_meet_the_milliseconds_too() -> None:
    with pytest.raises(LatencyError, match=r"4\.10 ms"):
        Latency(timed([4.0, 4.1, 4.2], [1, 1, 1]).float).require(SpeedLimits(max_ms=4), "it")


def test_the_message_says_which_time_counts() -> None:
    wall = percentiles([9.0, 9.0, 9.0])
    found = replace(timed([4.0, 4.1, 4.2], [2.0, 2.1, 2.2]), quantized_wall=wall)
    found.require(SpeedLimits(max_ms=5), "it")
    with pytest.raises(
        LatencyError, match=r"2\.10 ms of CPU time here \(9\.00 ms on the clock\), --max-latency"
    ):
        found.require(SpeedLimits(max_ms=2), "it")


def test_reasons_name_possible_causes() -> None:
    int8 = Operator("CONV_2D", "int8", layer=True, count=3)
    whole = Structure((int8,), {"int8": 100}, (), (), 100, partitions=1, whole=True)
    processor = [reason for reason in reasons(whole) if "VNNI" in reason]
    assert reasons(whole) == processor
    island = Operator("HardSigmoid", "float32", layer=False, count=9)
    pieces = replace(whole, operators=(int8, island), partitions=20, whole=False)
    assert reasons(pieces) == [
        "XNNPACK runs 20 partitions of the model instead of all of it",
        "float operators between conversions (9 HardSigmoid)",
        *processor,
    ]
    mixed = replace(whole, operators=(int8, Operator("CONV_2D", "float32", layer=True, count=2)))
    assert reasons(mixed) == ["2 layers in float", *processor]
    small = replace(whole, operators=(Operator("CONV_2D", "float32", layer=True, count=4),))
    assert reasons(small)[0] == "its arithmetic is float: smaller weights save space but not time"
