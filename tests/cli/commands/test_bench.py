"""Real measurements on this machine, as a user asks for them."""

import json
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgewise.runtime.bench.record import Record, Trust
from edgewise.runtime.bench.store import Store
from edgewise.runtime.bench.timing import percentiles

Run = Callable[..., Any]
QUICK = ("--runs", 4, "--seconds", 0, "--launches", 1)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results.sqlite"


@pytest.fixture(scope="module")
def measured(edgewise: Run, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One quick measurement and the file that it was saved in."""
    results = tmp_path_factory.mktemp("results") / "results.sqlite"
    ended = edgewise("bench", bundle, *QUICK, "--json", EDGEWISE_RESULTS=str(results))
    assert (ended.notices, ended.left) == ([], ())
    assert (ended.document["schema"], ended.document["schema_version"]) == ("edgewise.bench", 1)
    return dict(ended.document)


def test_int8_is_measured_in_turn_with_its_twin_and_saved(measured: dict[str, Any], bundle: Path) -> None:
    exact, int8 = (Record.from_json(record) for record in measured["records"])
    assert (exact.model.title, exact.model.part) == ("mobilenetv2 tflite fp32", "reference")
    assert (int8.model.title, int8.model.part) == ("mobilenetv2 tflite w8a8", "model")
    files = json.loads((bundle / "manifest.json").read_text())["files"]
    assert int8.model.sha256 == files["mobilenetv2-w8a8.tflite"]["sha256"]
    assert exact.run == int8.run
    for record in (exact, int8):
        assert len(record.samples_ms) >= 4
        assert record.warm_ups >= 5
        assert record.golden is not None
        assert record.engine.delegate == "XNNPACK"
        assert "too short (" in "; ".join(record.verdict.reasons)
        assert record.interrupted is None
    (pair,) = measured["comparisons"]
    assert (pair["slow"], pair["fast"]) == (exact.id, int8.id)
    assert "INT8" in pair["sentence"]
    assert measured["errors"] == []
    saved = Store(Path(measured["results"])).select()
    assert {record.id: record for record in saved} == {exact.id: exact, int8.id: int8}


def test_in_words_without_torch(
    edgewise: Run, bundle: Path, results: Path, without_torch: dict[str, str]
) -> None:
    ended = edgewise("bench", bundle, *QUICK, "--results", results, **without_torch)
    assert ended.notices == []
    assert ended.stderr.startswith("✓ Measure on local ")
    lines = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    assert "mobilenetv2 on local, 1 thread" in lines
    assert "milliseconds p50 p90 p99 min CPU alone first load end to end memory MB samples" in lines
    assert sum(line.startswith("not trusted because too short (") for line in lines) == 2
    assert len(Store(results).select()) == 2


def test_thread_counts_are_runs_and_nothing_is_saved_unasked(
    edgewise: Run, bundle: Path, results: Path
) -> None:
    options = ("--threads", "1,2", "--no-float", "--no-save", "--json")
    found = edgewise("bench", bundle, *QUICK, *options, EDGEWISE_RESULTS=str(results)).document
    assert [record["threads"] for record in found["records"]] == [1, 2]
    assert {record["model"]["precision"] for record in found["records"]} == {"w8a8"}
    assert len({record["run"] for record in found["records"]}) == 2
    assert (found["comparisons"], found["results"]) == ([], None)
    assert not results.exists()


def test_a_model_that_is_named_twice_is_measured_once(edgewise: Run, bundle: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(bundle, tmp_path / "copy")
    found = edgewise("bench", bundle, copy, *QUICK, "--no-save", "--json").document
    assert [record["model"]["precision"] for record in found["records"]] == ["fp32", "w8a8"]


def test_a_model_that_got_slower_is_told_of(
    edgewise: Run, bundle: Path, results: Path, measured: dict[str, Any]
) -> None:
    now = Record.from_json(measured["records"][1])
    times = tuple(time / 100 for time in now.samples_ms)
    was = replace(
        now,
        id="0" * 32,
        run="long ago",
        started="2026-01-02T03:04:05+00:00",
        samples_ms=times,
        summary=percentiles(times),
        verdict=Trust(trusted=True),
    )
    Store(results).append(was)
    ended = edgewise("bench", bundle, *QUICK, "--results", results, "--json")
    assert ended.document["notices"] == ended.notices
    (notice,) = ended.notices
    assert notice.startswith("mobilenetv2 tflite w8a8 got slower on local: ")
    assert "measured on 2026-01-02 (00000000)" in notice
    assert ended.code == 0


def test_a_device_that_fails_gives_its_exit_code_after_the_others(edgewise: Run, bundle: Path) -> None:
    options = ("--device", "adb", "--device", "local", "--no-float", "--no-save")
    nowhere = {"PATH": "/nowhere"}
    ended = edgewise("bench", bundle, *QUICK, *options, "--json", **nowhere)
    (failed,) = ended.document["errors"]
    assert (failed["device"], failed["exit_code"]) == ("adb", ended.code)
    assert [record["device"] for record in ended.document["records"]] == ["local"]
    assert ended.error["message"] == failed["error"]
    assert ended.document["schema"] == "edgewise.bench"


def test_a_damaged_model_is_refused(edgewise: Run, bundle: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(bundle, tmp_path / "copy")
    model = copy / "mobilenetv2-w8a8.tflite"
    model.write_bytes(model.read_bytes()[:-1] + b"\x7f")
    assert "mobilenetv2-w8a8.tflite is damaged" in edgewise("bench", copy, *QUICK, "--no-save").complaint


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--device", "toaster"], "--device 'toaster': unknown; use one of local, ssh, adb, browser"),
        (["--runs", 1], "--runs 1: must be at least 2"),
        (["--threads", "1,0"], "--threads 0: must be at least 1"),
        (["--seconds", "nan"], "--seconds nan: must be at least 0"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_measured(
    edgewise: Run, bundle: Path, options: list[object], complaint: str
) -> None:
    ended = edgewise("bench", bundle, "--no-save", *options)
    assert ended.code == 2
    assert ended.complaint.startswith(f"edgewise: {complaint}")


@pytest.mark.parametrize("numbers", ["", "x", "1,", "3-1", "1-99999"])
def test_lists_of_numbers(edgewise: Run, bundle: Path, numbers: str) -> None:
    ended = edgewise("bench", bundle, "--cpus", numbers)
    assert ended.code == 2
    assert "Invalid value for '--cpus'" in ended.stderr


def test_a_file_of_something_else_is_not_measured_into(edgewise: Run, bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but a long enough text to tell it from one " * 20)
    ended = edgewise("bench", bundle, *QUICK, "--results", file)
    assert ended.code == 1
    assert "damaged or not a results store" in ended.complaint
    assert file.read_text().startswith("not a database")


def children(mark: str) -> list[str]:
    """The running programs that were started with this in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f"BENCH_MARK={mark}".encode() in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return [line for line in found if line]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for what is left in /proc")
def test_an_interrupted_measurement_leaves_nothing_behind(
    start: Run, bundle: Path, tmp_path: Path, left_in: Callable[[Path], list[str]], results: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    options = ("bench", bundle, "--seconds", 60, "--results", results)
    with start(*options, temporary=temporary, BENCH_MARK=str(tmp_path)) as child:
        end = time.monotonic() + 60
        while not any("bench.worker" in line for line in children(str(tmp_path))) and time.monotonic() < end:
            time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=60)
    assert child.returncode == 130
    assert stderr.splitlines()[-1].startswith("edgewise: interrupted")
    assert children(str(tmp_path)) == []
    assert left_in(temporary) == []
    assert Store(results).select() == []
