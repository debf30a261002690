"""Several devices at once: what one does is nothing to the others, and what was measured is saved."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import edgewise
from edgewise.models.errors import EdgewiseError, ParityError, UsageError
from edgewise.pipeline.bench import measure
from edgewise.runtime.bench.request import BenchRequest, Contender
from edgewise.runtime.bench.store import Store

ASKED = BenchRequest((Contender("bundle"),), runs=20, seconds=0)
Events = list[dict[str, Any]]


def said() -> Events:
    """What a device sends of the model."""
    names = ("board", "kernel", "libc", "processor", "features", "cores", "memory_bytes", "software")
    machine = dict.fromkeys((*names, "emulated")) | {"system": "Linux", "architecture": "aarch64"}
    model = {
        "name": "m",
        "target": "tflite",
        "precision": "fp32",
        "part": "model",
        "sha256": "",
        "size_bytes": 1,
    }
    engine = {"name": "LiteRT", "version": "2", "delegate": None, "operators": 1, "delegated": None}
    return [
        {"event": "machine"} | machine,
        {
            "event": "opened",
            "contender": 0,
            "model": model,
            "engine": engine,
            "load_ms": 1.0,
            "first_ms": 2.0,
        },
        *[{"event": "samples", "contender": 0, "ms": [1.0] * 5} for _ in range(4)],
        {"event": "done"},
    ]


class Board:
    """A device that sends `events`, and at the end may fail or wait for another."""

    def __init__(
        self,
        name: str,
        events: Events,
        error: EdgewiseError | None = None,
        barrier: threading.Barrier | None = None,
    ) -> None:
        self.name, self.asked, self.closed = name, list[BenchRequest](), 0
        self._events, self._error, self._barrier = events, error, barrier

    def run(self, request: BenchRequest) -> Iterator[dict[str, Any]]:
        self.asked.append(request)
        try:
            if self._barrier is not None:
                self._barrier.wait(timeout=20)
            yield from self._events
            if self._error is not None:
                raise self._error
        finally:
            self.closed += 1


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results.sqlite")


def nothing(done: int, total: int) -> None:
    del done, total


def test_each_device_measures_all_that_is_asked_and_it_is_saved(store: Store) -> None:
    boards = [Board("ssh://a", said()), Board("ssh://b", said())]
    asked = [ASKED, BenchRequest(ASKED.contenders, 4, 20, 0)]
    seen: list[tuple[int, int]] = []
    outcomes = measure(boards, asked, store, lambda done, total: seen.append((done, total)))
    assert [outcome.device for outcome in outcomes] == ["ssh://a", "ssh://b"]
    for board, outcome in zip(boards, outcomes, strict=True):
        assert (board.asked, board.closed, outcome.error) == (asked, 2, None)
        assert [record.threads for (record,) in outcome.runs] == [1, 4]
    saved = {record.id for record in store.select()}
    assert saved == {record.id for outcome in outcomes for run in outcome.runs for record in run}
    assert seen[-1] == (200, 200)
    assert seen == sorted(seen)


def test_boards_measure_at_the_same_time(store: Store) -> None:
    barrier = threading.Barrier(2)  # which only two at once get through
    boards = [Board(name, said(), barrier=barrier) for name in ("ssh://a", "adb:b")]
    assert [outcome.error for outcome in measure(boards, [ASKED], store, nothing)] == [None, None]


def test_what_is_on_this_machine_is_measured_in_turn(store: Store) -> None:
    running: list[str] = []

    class Here(Board):
        def run(self, request: BenchRequest) -> Iterator[dict[str, Any]]:
            assert not running
            running.append(self.name)
            yield from super().run(request)
            running.remove(self.name)

    boards = [Here("local", said()), Here("browser", said())]
    assert [outcome.error for outcome in measure(boards, [ASKED], store, nothing)] == [None, None]


def test_a_device_that_fails_stops_alone_and_keeps_what_it_measured(store: Store) -> None:
    lost = Board("ssh://a", said()[:4], EdgewiseError("ssh://a: connection lost"))
    absent = Board("ssh://b", [], EdgewiseError("ssh://b: cannot be reached"))
    well = Board("ssh://c", said())
    first, second, third = measure([lost, absent, well], [ASKED, ASKED], store, nothing)
    assert (str(first.error), str(second.error)) == ("ssh://a: connection lost", "ssh://b: cannot be reached")
    assert (len(lost.asked), len(absent.asked), len(well.asked)) == (1, 1, 2)
    ((kept,),) = first.runs
    assert (len(kept.samples_ms), kept.interrupted) == (10, "ssh://a: connection lost")
    assert second.runs == [[]]
    assert third.error is None
    assert {record.id for record in store.select(device="ssh://a")} == {kept.id}


def test_an_error_that_the_device_sends_is_its_outcome(store: Store) -> None:
    refused = [*said()[:2], {"event": "error", "kind": "ParityError", "message": "the golden sample differs"}]
    (outcome,) = measure([Board("ssh://a", refused)], [ASKED], store, nothing)
    assert isinstance(outcome.error, ParityError)
    assert str(outcome.error) == "ssh://a: the golden sample differs"


def test_records_that_cannot_be_saved_are_still_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (outcome,) = measure([Board("local", said())], [ASKED], Store(tmp_path / "file/a.sqlite"), nothing)
    assert len(outcome.runs[0]) == 1
    assert "cannot be opened or created" in str(outcome.error)


def test_nothing_is_saved_where_nobody_asks_for_it() -> None:
    (outcome,) = measure([Board("local", said())], [ASKED], None, nothing)
    assert (len(outcome.runs[0]), outcome.error) == (1, None)


def test_when_the_program_stops_every_device_tidies_up(store: Store) -> None:
    endless = Board("ssh://a", said()[:-1] * 1000)

    def stop(done: int, total: int) -> None:
        del done, total
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure([endless], [ASKED], store, stop)
    assert endless.closed == 1
    assert store.select() == []


# As a program calls it.


def test_a_bundle_is_measured_here_beside_its_twin(
    tiny_bundle: Path, tmp_path: Path, kept: Any, document_of: Callable[[Any, str], dict[str, Any]]
) -> None:
    file = tmp_path / "results.sqlite"
    found = edgewise.bench(tiny_bundle, runs=4, seconds=0, launches=1, results=file, progress=kept)
    assert kept.titles == ["Measure on local"]
    found.require()  # raises nothing
    exact, int8 = found.records
    assert (exact.model.precision, int8.model.precision) == ("fp32", "w8a8")
    assert min(len(record.samples_ms) for record in found.records) >= 4
    ((records, pairs),) = found.runs
    assert records == [exact, int8]
    assert [(pair.slow, pair.fast) for pair in pairs] == [(exact.id, int8.id)]
    assert {record.id for record in Store(file).select()} == {exact.id, int8.id}
    document = document_of(found, "bench")
    assert (document["results"], document["errors"]) == (str(file), [])
    assert [record["id"] for record in document["records"]] == [exact.id, int8.id]
    assert "local: tflite w8a8, " in repr(found)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"devices": ()}, "devices: pass at least one"),
        ({"threads": ()}, "threads: pass at least one"),
        ({"threads": 0}, "threads 0: must be at least 1"),
        ({"runs": 1}, "runs 1: must be at least 2"),
        ({"devices": "toaster"}, "'toaster'"),
        ({"accelerator": "gpu", "devices": ("adb", "local")}, "accelerator gpu: local has no GPU for models"),
        (
            {"accelerator": "xnnpack", "devices": ("local", "browser:open")},
            "browser:open does not show how many",
        ),
    ],
)
def test_options_that_cannot_be(tiny_bundle: Path, options: Any, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        edgewise.bench(tiny_bundle, save=False, **options)


def test_xnnpack_runs_tflite_alone(tiny_bundles: dict[str, Path]) -> None:
    options: dict[str, Any] = {"save": False, "runs": 2, "seconds": 0, "launches": 1, "twins": False}
    with pytest.raises(UsageError, match="tiny-onnx-w8a8 is for onnx; XNNPACK runs tflite bundles"):
        edgewise.bench([*tiny_bundles.values()], accelerator="xnnpack", **options)
    found = edgewise.bench(tiny_bundles["tflite"], accelerator="xnnpack", **options)
    found.require()
    (record,) = found.records
    assert record.engine.delegated == record.engine.operators


def test_no_bundles_and_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no bundle was given; pass at least one"):
        edgewise.bench([])
    with pytest.raises(UsageError, match="no such bundle"):
        edgewise.bench([tmp_path / "nowhere"], save=False)
