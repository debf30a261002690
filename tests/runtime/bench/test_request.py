"""What may be asked of a device, and how it gets there."""

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
        ({"threads": 0}, "--threads 0: need 1 at least"),
        ({"runs": 1}, "--runs 1: need 2 at least"),
        ({"seconds": -0.5}, "--seconds -0.5: need 0 at least"),
        ({"seconds": float("nan")}, "--seconds nan: need 0 at least"),
        ({"warm_ups": 0}, "--warm-ups 0: need 1 at least"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BenchRequest(ONE, **options)


def test_somebody_must_run() -> None:
    with pytest.raises(UsageError, match="nothing to measure"):
        BenchRequest(())
