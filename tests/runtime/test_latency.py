"""Latency, measured for real; that it is plausible is all that can be asked."""

import json
from dataclasses import asdict

from edgewise.export._artifact import Artifact
from edgewise.models.spec import Tensor32
from edgewise.runtime.latency import measure
from edgewise.runtime.tflite import TfliteSession


def test_two_files_are_timed_in_turn(
    tiny_float: Artifact, tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32
) -> None:
    sessions = [TfliteSession(file.path, 1) for file in (tiny_float, tiny_int8["int8"])]
    found = measure(sessions[0], sessions[1], tiny_pictures[:1])
    assert found.quantized is not None
    assert found.speedup is not None
    for times in (found.float, found.quantized):
        assert 0 < times.min_ms <= times.p50_ms <= times.p90_ms
        assert times.count == found.speedup.count
    assert found.speedup.ratio == found.float.p50_ms / found.quantized.p50_ms
    assert found.speedup.interval.low <= found.speedup.interval.high
    assert json.loads(json.dumps(asdict(found))) == asdict(found)


def test_a_float_file_is_timed_alone(tiny_float: Artifact, tiny_pictures: Tensor32) -> None:
    found = measure(TfliteSession(tiny_float.path, 1), None, tiny_pictures[:1])
    assert found.float.p50_ms > 0
    assert found.quantized is None
    assert found.speedup is None
