"""Records from events, of complete and broken runs."""

import json
from dataclasses import replace
from statistics import median
from typing import Any

import pytest

from edgewise.models.errors import (
    AccuracyError,
    EdgewiseError,
    MissingDependencyError,
    ParityError,
)
from edgewise.runtime.bench.gather import Gathered
from edgewise.runtime.bench.record import Record
from edgewise.runtime.bench.request import BenchRequest

Events = list[dict[str, Any]]


def gather(request: BenchRequest, events: Events) -> Gathered:
    gathered = Gathered(request, "ssh://pi@board")
    for event in events:
        gathered.add(event)
    return gathered


def test_each_contender_gets_its_record(records: list[Record]) -> None:
    exact, int8 = records
    assert (exact.model.title, int8.model.title) == ("tiny tflite fp32", "tiny tflite w8a8")
    assert exact.run == int8.run
    assert exact.id != int8.id
    for record, longest in ((exact, 208.0), (int8, 104.0)):
        assert (record.device, record.threads, record.cpus) == ("ssh://pi@board", 2, None)
        assert record.machine.board == "Raspberry Pi 5 Model B Rev 1.0"
        assert (record.load_ms, record.first_ms, record.warm_ups) == (5.0, 30.0, 7)
        assert len(record.samples_ms) == record.summary.count == 120
        assert max(record.samples_ms) == longest
        assert record.summary.p50_ms == median(record.samples_ms)
        assert record.end_to_end is not None
        assert record.end_to_end.p50_ms == 211.0
        assert record.peak_rss_bytes == 20_000_000
        assert record.before is not None
        assert record.before.governors == ("performance",) * 4
        assert record.others == 0.01
        assert record.verdict.trusted, record.verdict
    assert (exact.energy_mj, int8.energy_mj) == (None, 250.0)


def test_drift_is_the_last_quarter_divided_by_the_first(request_: BenchRequest, events: Events) -> None:
    times = [event for event in events if event["event"] == "samples" and event["contender"] == 1]
    for event in times[-3:]:  # of twelve
        event["ms"] = [150.0] * 10
    _, int8 = gather(request_, events).records()
    assert int8.drift == pytest.approx(150 / median(int8.samples_ms[:30]))
    assert not int8.verdict.trusted


def test_launches_the_cores_and_a_model_alone(request_: BenchRequest, events: Events) -> None:
    """Loading and the first inference are medians of the launches, memory is the most of all."""
    place = events.index({"event": "placed", "cpus": None, "chosen": False})
    events[place] = {"event": "placed", "cpus": [4, 5], "chosen": True}
    opened = next(event for event in events if event["event"] == "opened" and event["contender"] == 1)
    more = [opened | {"launch": launch, "load_ms": 9.0, "first_ms": 40.0 * launch} for launch in (1, 2)]
    closed = {"event": "closed", "contender": 1, "peak_rss_bytes": 30_000_000}
    alone = [
        {
            "event": "alone",
            "contender": 1,
            "at_s": float(second),
            "ms": [98.0, 99.0],
            "mhz": 2400.0,
            "celsius": 50.0,
        }
        for second in range(64)
    ]
    sustained = replace(request_, threads=1, sustained=60.0)
    for event in events:
        if event["event"] == "samples":
            event["cpu_ms"] = [0.9 * time for time in event["ms"]]
    done = events.pop()
    exact, int8 = gather(sustained, [*events, *more, closed, *alone, done]).records()
    assert (int8.cpus, int8.cpus_chosen) == ((4, 5), True)
    assert int8.launches == (20,) * 6
    assert int8.p50_interval is not None
    assert int8.p50_interval.low <= int8.summary.p50_ms <= int8.p50_interval.high
    assert (int8.load_ms, int8.first_ms, int8.peak_rss_bytes) == (9.0, 40.0, 30_000_000)
    assert int8.mhz == exact.mhz == (2400.0,) * 24  # they took turns on the same cores
    assert int8.cpu is not None
    assert int8.cpu.p50_ms == pytest.approx(0.9 * int8.summary.p50_ms)
    assert int8.alone is not None
    assert (int8.alone.count, int8.alone.p50_ms) == (128, 98.5)
    assert int8.single_stream is not None
    assert (int8.single_stream.queries, int8.single_stream.enough) == (128, False)
    assert int8.sustained is not None
    assert int8.sustained.slowdown == 1.0
    assert (exact.alone, exact.single_stream, exact.sustained) == (None, None, None)
    assert Record.from_json(json.loads(json.dumps(int8.to_json()))) == int8


@pytest.mark.parametrize("threads", [1, 4])
def test_cpu_time_that_means_nothing_is_left_out(
    request_: BenchRequest, events: Events, threads: int
) -> None:
    """Of one of several threads, or of a clock too coarse for an inference."""
    for event in events:
        if event["event"] == "samples":
            event["cpu_ms"] = [0.0 if threads == 1 else 1.0 for _ in event["ms"]]
    records = gather(replace(request_, threads=threads), events).records()
    assert [record.cpu for record in records] == [None, None]


def test_progress_is_that_of_the_slowest_contender(request_: BenchRequest, events: Events) -> None:
    gathered = Gathered(request_, "local")
    seen = []
    for event in events:
        gathered.add(event)
        seen.append(gathered.progress)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert seen[-2] == 0.5  # each would have run alone for as long
    assert len(set(seen)) > 8


def test_samples_from_before_a_lost_connection_are_kept(request_: BenchRequest, events: Events) -> None:
    for record in gather(request_, events[:12]).records("connection lost"):
        assert 10 <= len(record.samples_ms) < 50
        assert record.interrupted == "connection lost"
        assert (record.after, record.others, record.end_to_end) == (None, None, None)
        assert record.verdict.reasons[0] == "the run was interrupted (connection lost)"
    unsaid = gather(request_, events[:-1]).records()
    assert [record.interrupted for record in unsaid] == ["the device stopped responding"] * 2


def test_a_contender_without_samples_gets_no_record(request_: BenchRequest, events: Events) -> None:
    assert gather(request_, events[:8]).records() == []
    second = next(place for place, event in enumerate(events) if event["event"] == "samples") + 1
    (only,) = gather(request_, events[:second]).records()
    assert only.model.precision == "fp32"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("ParityError", ParityError),
        ("AccuracyError", AccuracyError),
        ("MissingDependencyError", MissingDependencyError),
        ("EdgewiseError", EdgewiseError),
        ("OfTheFutureError", EdgewiseError),
    ],
)
def test_a_remote_error_is_the_same_error_here(
    request_: BenchRequest, events: Events, kind: str, expected: type[EdgewiseError]
) -> None:
    gathered = gather(request_, [*events[:12], {"event": "error", "kind": kind, "message": "it broke"}])
    assert type(gathered.error) is expected
    assert str(gathered.error) == "it broke"
    assert {record.interrupted for record in gathered.records()} == {"it broke"}


def test_events_and_fields_of_a_newer_device_are_skipped(request_: BenchRequest, events: Events) -> None:
    events[0]["colour"] = "green"
    new: Events = [
        {"event": "colour", "of": "the case"},
        {"event": "humidity", "contender": 0, "percent": 40},
    ]
    assert len(gather(request_, [*new, *events]).records()) == 2


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": "samples", "contender": 7, "ms": [1.0]},
        {"event": "samples", "contender": 0},
        {"event": "samples", "contender": 0, "ms": "fast"},
        {"event": "machine", "board": "half a machine"},
        {"event": "opened", "contender": 0, "model": None},
    ],
)
def test_an_event_that_cannot_be_read_names_the_device(request_: BenchRequest, event: dict[str, Any]) -> None:
    with pytest.raises(EdgewiseError, match=r"^ssh://pi@board: sent a .* event that cannot be read"):
        gather(request_, [event])
