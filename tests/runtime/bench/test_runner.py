"""The program on a device: the events that it sends, their order, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from edgewise.runtime.bench.record import BenchedModel, Conditions, Engine, GoldenRun, Machine
from edgewise.runtime.bench.request import BenchRequest, Contender

Find: TypeAlias = Callable[..., list[int]]
Gone: TypeAlias = Callable[..., bool]

COMMAND = [sys.executable, "-P", "-m", "edgewise.runtime.bench.runner"]


@pytest.fixture
def short(tiny_bundle: Path) -> BenchRequest:
    twins = (Contender(str(tiny_bundle), "reference"), Contender(str(tiny_bundle)))
    return BenchRequest(twins, runs=2, seconds=0, warm_ups=3, warm_up_seconds=0, end_to_end=2)


def run(request: BenchRequest | str) -> tuple[list[dict[str, Any]], subprocess.CompletedProcess[str]]:
    text = request if isinstance(request, str) else json.dumps(request.to_json())
    done = subprocess.run(COMMAND, input=text, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()], done


def names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}


def test_events_are_as_documented(short: BenchRequest) -> None:
    events, done = run(short)
    assert done.returncode == 0, done.stderr
    order = [event["event"] for event in events]
    assert order == [
        "machine",
        "placed",
        *["opened", "golden"] * 2,
        *["warm"] * 2,
        "before",
        *["samples"] * order.count("samples"),
        *["end_to_end"] * 2,
        *["closed"] * 2,
        "after",
        "done",
    ]
    by_name = {event.pop("event"): event for event in events}
    assert set(by_name["machine"]) == names(Machine)
    assert by_name["placed"] == {"cpus": None, "chosen": False}  # all cores here are alike
    assert set(by_name["opened"]) == {"contender", "launch", "model", "engine", "load_ms", "first_ms"}
    assert set(by_name["opened"]["model"]) == names(BenchedModel)
    assert set(by_name["opened"]["engine"]) == names(Engine)
    assert set(by_name["golden"]) == {"contender"} | names(GoldenRun)
    assert by_name["warm"] == {"contender": 1, "warm_ups": 6}  # opening runs three
    assert set(by_name["before"]) == names(Conditions)
    assert set(by_name["samples"]) == {"contender", "launch", "ms", "cpu_ms", "mhz"}
    assert set(by_name["end_to_end"]) == {"contender", "ms"}
    assert set(by_name["closed"]) == {"contender", "peak_rss_bytes"}
    assert set(by_name["after"]) == {"others", "energy_mj"} | names(Conditions)


def test_contenders_take_turns_in_alternating_order(short: BenchRequest) -> None:
    seconds = 1.0
    events, _ = run(replace(short, seconds=seconds, warm_up_seconds=0.3))
    samples = [event for event in events if event["event"] == "samples"]
    assert [event["contender"] for event in samples] == ([0, 1, 1, 0] * len(samples))[: len(samples)]
    assert len({len(event["ms"]) for event in samples}) == 1
    assert max(sum(event["ms"]) for event in samples) > 50  # the slowest block takes about 200 ms
    spent = [[sum(event["ms"]) / 1000 for event in samples if event["contender"] == one] for one in (0, 1)]
    assert len(spent[0]) == len(spent[1]) > 1
    assert min(sum(blocks) for blocks in spent) >= seconds > min(sum(blocks[:-1]) for blocks in spent)


def test_samples_end_when_there_are_enough(short: BenchRequest) -> None:
    events, _ = run(replace(short, contenders=short.contenders[:1]))
    assert [event["event"] for event in events].count("samples") == 1


def test_every_launch_is_a_new_process_and_then_each_runs_alone(short: BenchRequest) -> None:
    """The samples are spread over the launches; INT8, which stands last, is the first to run alone."""
    events, done = run(replace(short, runs=6, launches=3, seconds=0.3, warm_up_seconds=0))
    assert done.returncode == 0, done.stderr
    opened = [(event["launch"], event["contender"]) for event in events if event["event"] == "opened"]
    assert opened == [(launch, place) for launch in range(3) for place in (0, 1)]
    counts = {
        (event["launch"], event["contender"]): len(event["ms"])
        for event in events
        if event["event"] == "samples"
    }
    assert set(counts) == {*opened}
    assert all(count >= 2 for count in counts.values())
    order = [event["event"] for event in events]
    assert order.count("before") == order.count("after") == 1
    assert order.count("closed") == 6
    assert order.count("end_to_end") == 2
    alone = [event for event in events if event["event"] == "alone"]
    assert [*dict.fromkeys(event["contender"] for event in alone)] == [1, 0]
    for place in (0, 1):
        own = [event for event in alone if event["contender"] == place]
        assert own[0]["at_s"] < 0.1 <= own[-1]["at_s"] + sum(own[-1]["ms"]) / 1000
    assert order.index("alone") > max(place for place, name in enumerate(order) if name == "samples")
    others = events[order.index("after")]["others"]
    assert others is None or 0 <= others <= 1


def test_an_error_is_an_event_and_an_exit_code(short: BenchRequest, tmp_path: Path) -> None:
    events, done = run(replace(short, contenders=(Contender(str(tmp_path / "nothing")),)))
    assert done.returncode == 2
    assert [event["event"] for event in events] == ["machine", "placed", "error"]
    assert events[-1]["kind"] == "UsageError"
    assert "nothing: no such bundle" in events[-1]["message"]
    events, done = run(replace(short, cpus=(999,)))
    assert done.returncode == 2
    assert "--cpus 999" in events[-1]["message"]


def test_an_invalid_request_is_refused(short: BenchRequest) -> None:
    events, done = run(json.dumps(short.to_json() | {"threads": 0}))
    assert done.returncode == 2
    assert events[-1] == {
        "event": "error",
        "kind": "UsageError",
        "message": "--threads 0: must be at least 1",
    }


class Running:
    """A runner that is measuring; its workers are its children."""

    def __init__(self, request: BenchRequest, events: int) -> None:
        self.popen = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=events, text=True)
        assert self.popen.stdin
        with self.popen.stdin as requests:
            json.dump(replace(request, seconds=1e6).to_json(), requests)
        os.close(events)


@pytest.fixture
def running(short: BenchRequest) -> Iterator[tuple[Running, int]]:
    """A running runner, and the descriptor of its events."""
    ours, theirs = os.pipe()
    started = Running(short, theirs)
    with started.popen:
        yield started, ours
        started.popen.kill()


def until(name: str, descriptor: int) -> None:
    """Read events up to one of this name; the descriptor stays open."""
    buffer = b""
    while f'"event": "{name}"'.encode() not in buffer:
        buffer += os.read(descriptor, 1 << 20)


@pytest.mark.parametrize("moment", ["opened", "golden", "samples"])
def test_it_ends_when_nobody_reads(
    running: tuple[Running, int], moment: str, descendants: Find, gone: Gone
) -> None:
    started, events = running
    until(moment, events)
    workers = descendants(started.popen.pid)
    assert len(workers) == 2
    os.close(events)
    assert started.popen.wait(10) == 1
    assert gone(workers)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_its_workers_end_with_it(
    running: tuple[Running, int], ending: signal.Signals, descendants: Find, gone: Gone
) -> None:
    started, events = running
    until("samples", events)
    workers = descendants(started.popen.pid)
    started.popen.send_signal(ending)
    assert started.popen.wait(10) == 130
    assert gone(workers)
    os.close(events)


def test_workers_notice_that_it_was_killed(
    running: tuple[Running, int], descendants: Find, gone: Gone
) -> None:
    started, events = running
    until("samples", events)
    workers = descendants(started.popen.pid)
    started.popen.kill()
    started.popen.wait()
    assert gone(workers)
    os.close(events)
