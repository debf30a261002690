"""Valid requests to a device, and their serialization."""

import json
from typing import Any

import pytest

from edgewise.models.errors import UsageError
from edgewise.runtime.bench.request import BenchRequest, Contender

ONE = (Contender("bundle"),)


def test_a_request_survives_json() -> None:
    asked = BenchRequest((Contender("a", "reference"), Contender("b")), threads=4, seconds=2.5, cpus=(2, 3))
    assert BenchRequest.from_json(json.loads(json.dumps(asked.to_json()))) == asked
    assert BenchRequest.from_json(json.loads(json.dumps(BenchRequest(ONE).to_json()))) == BenchRequest(ONE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "--threads 0: must be at least 1"),
        ({"runs": 1}, "--runs 1: must be at least 2"),
        ({"seconds": -0.5}, "--seconds -0.5: must be at least 0"),
        ({"seconds": float("nan")}, "--seconds nan: must be at least 0"),
        ({"warm_ups": 0}, "--warm-ups 0: must be at least 1"),
        ({"launches": 0}, "--launches 0: must be at least 1"),
        ({"sustained": -1}, "--sustained -1: must be at least 0"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BenchRequest(ONE, **options)


def test_at_least_one_model_is_required() -> None:
    with pytest.raises(UsageError, match="nothing to measure"):
        BenchRequest(())


def test_how_long_each_model_runs_alone() -> None:
    two = (Contender("a", "reference"), Contender("a"))
    assert BenchRequest(two, seconds=10, launches=5).alone_seconds == 2
    assert BenchRequest(two, seconds=10, launches=5, sustained=120).alone_seconds == 120
    assert BenchRequest(ONE, seconds=10, launches=5).alone_seconds == 0  # it was alone anyway
    BenchRequest(two).require_no_sustained("adb")
    with pytest.raises(UsageError, match=r"^adb: cannot run a model alone for long; leave out --sustained"):
        BenchRequest(two, sustained=1).require_no_sustained("adb")
