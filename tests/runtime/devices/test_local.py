"""This machine as a device: real runs and real crashes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any, TypeAlias

import pytest

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.runtime.bench.gather import Gathered
from edgewise.runtime.bench.request import BenchRequest, Contender
from edgewise.runtime.devices import Event, device
from edgewise.runtime.devices.local import Local, open_device


@pytest.fixture
def short(tiny_bundle: Path) -> BenchRequest:
    twins = (Contender(str(tiny_bundle), "reference"), Contender(str(tiny_bundle)))
    return BenchRequest(twins, runs=2, seconds=0, warm_up_seconds=0, end_to_end=2)


@pytest.fixture
def endless(short: BenchRequest) -> BenchRequest:
    return replace(short, seconds=1e6)


Find: TypeAlias = Callable[..., list[int]]
Gone: TypeAlias = Callable[..., bool]


def until_samples(events: Iterator[Event], gathered: Gathered) -> None:
    """Read events until both models have samples."""
    seen: set[Any] = set()
    for event in events:
        gathered.add(event)
        if event["event"] == "samples":
            seen.add(event["contender"])
        if len(seen) == 2:
            return


def test_a_run_gives_records(short: BenchRequest, descendants: Find) -> None:
    gathered = Gathered(short, "local")
    for event in device("local").run(short):
        gathered.add(event)
    records = gathered.records()
    assert [record.model.precision for record in records] == ["fp32", "w8a8"]
    assert [record.interrupted for record in records] == [None, None]
    assert len({len(record.samples_ms) for record in records}) == 1
    assert descendants(os.getpid(), "edgewise.runtime.bench") == []


@pytest.mark.parametrize("ending", [signal.SIGSEGV, signal.SIGKILL])
def test_a_dead_worker_is_an_error_and_samples_are_kept(
    endless: BenchRequest, ending: signal.Signals, descendants: Find, gone: Gone
) -> None:
    gathered, events = Gathered(endless, "local"), Local().run(endless)
    until_samples(events, gathered)
    every = descendants(os.getpid(), "edgewise.runtime.bench")
    os.kill(descendants(os.getpid(), "bench.worker")[0], ending)
    for event in events:
        gathered.add(event)
    told = rf"tiny-tflite-w8a8: the measuring process died \({ending.name}\)"
    with pytest.raises(EdgewiseError, match=told):
        raise gathered.error or AssertionError
    assert len(gathered.records()) == 2
    assert all(ending.name in (record.interrupted or "") for record in gathered.records())
    assert gone(every)


def test_a_dead_runner_is_an_error_too(endless: BenchRequest, descendants: Find, gone: Gone) -> None:
    gathered, events = Gathered(endless, "local"), Local().run(endless)
    until_samples(events, gathered)
    every = descendants(os.getpid(), "edgewise.runtime.bench")
    os.kill(descendants(os.getpid(), "bench.runner")[0], signal.SIGKILL)
    with pytest.raises(EdgewiseError, match=r"local: the measuring program died \(SIGKILL\)"):
        list(events)
    assert len(gathered.records("it died")) == 2
    assert gone(every)


def test_closing_the_events_leaves_no_process(endless: BenchRequest, descendants: Find, gone: Gone) -> None:
    events = Local().run(endless)
    until_samples(events, Gathered(endless, "local"))
    every = descendants(os.getpid(), "edgewise.runtime.bench")
    assert len(every) == 3
    events.close()  # type: ignore[attr-defined] # it is a generator
    assert gone(every, patience_s=1)


@pytest.mark.parametrize(
    "stop",
    [
        lambda pid: os.killpg(pid, signal.SIGINT),  # Ctrl-C goes to the whole process group
        lambda pid: os.kill(pid, signal.SIGTERM),
        lambda pid: os.kill(pid, signal.SIGKILL),
    ],
    ids=["Ctrl-C", "SIGTERM", "SIGKILL"],
)
def test_the_end_of_the_program_leaves_no_process(
    endless: BenchRequest, stop: Callable[[int], None], descendants: Find, gone: Gone
) -> None:
    program = f"""
        from edgewise.runtime.bench.request import BenchRequest
        from edgewise.runtime.devices.local import Local
        for event in Local().run(BenchRequest.from_json({endless.to_json()!r})):
            if event["event"] in ("opened", "samples"):
                print(event["event"], flush=True)
    """
    command = [sys.executable, "-c", dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as running:
        assert running.stdout
        while running.stdout.readline() != "samples\n":
            pass
        every = descendants(running.pid)
        assert len(every) == 3
        stop(running.pid)
    assert gone([running.pid, *every])


def test_an_edgewise_error_ends_the_run(short: BenchRequest, tmp_path: Path) -> None:
    nothing = Contender(str(tmp_path / "nothing"))
    gathered = Gathered(short, "local")
    *_, last = Local().run(replace(short, contenders=(*short.contenders, nothing)))
    gathered.add(last)
    with pytest.raises(UsageError, match="nothing: no such bundle"):
        raise gathered.error or AssertionError


def test_a_run_can_be_closed_before_it_starts(short: BenchRequest, descendants: Find) -> None:
    events = Local().run(short)
    del events
    assert descendants(os.getpid(), "edgewise.runtime.bench") == []


def test_this_machine_has_one_name() -> None:
    assert open_device("local").name == "local"
    with pytest.raises(UsageError, match="called 'local'"):
        device("local:1")
