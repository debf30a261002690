"""`edgewise results` on a file with records: the list, one record, two over time."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgewise.runtime.bench.record import BenchedModel, Conditions, Engine, Machine, Record, Trust
from edgewise.runtime.bench.store import Store
from edgewise.runtime.bench.timing import percentiles

Run = Callable[..., Any]


def record(key: str, day: int, p50_ms: float, **changes: object) -> Record:
    samples = tuple(p50_ms + 0.001 * (index % 5 - 2) for index in range(50))
    made = Record(
        id=key,
        run=f"run {key}",
        started=f"2026-11-{day}T12:01:00+00:00",
        edgewise="0.1.0",
        device="local",
        machine=Machine("Board [5]", "Linux", "6.1", "glibc", "aarch64", "A76", None, 4, 8, "Python", None),
        model=BenchedModel("tiny", "tflite", "w8a8", "model", "ab" * 32, 1000),
        engine=Engine("LiteRT", "2.3.0", "XNNPACK", 1, 1),
        golden=None,
        threads=2,
        cpus=None,
        load_ms=1.5,
        first_ms=5.0,
        warm_ups=5,
        samples_ms=samples,
        end_to_end_ms=(),
        peak_rss_bytes=None,
        energy_mj=None,
        before=Conditions("2026-11-20T12:00:00Z", temperatures_c={"cpu": 50.0}),
        after=None,
        others=0.0,
        interrupted=None,
        summary=percentiles(samples),
        end_to_end=None,
        drift=1.0,
        verdict=Trust(trusted=True),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


OLD = record("aaaa0000111122223333", 20, 4.0)
NEW = record("bbbb0000111122223333", 22, 5.0, engine=replace(OLD.engine, version="2.4.0"))
DOUBTED = record(
    "cccc0000111122223333", 21, 4.5, verdict=Trust(trusted=False, reasons=("drift 8 %", "busy", "hot"))
)
EMULATED = record("dddd0000111122223333", 23, 777.0, machine=replace(OLD.machine, emulated="qemu-user"))
TWIN = record("eeee0000111122223333", 22, 9.0, run=NEW.run, model=replace(OLD.model, part="reference"))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store(tmp_path_factory.mktemp("results") / "results.sqlite")
    for made in (OLD, NEW, DOUBTED, EMULATED, TWIN):
        store.append(made)
    return store.path


def test_records_are_listed_newest_first(edgewise: Run, results: Path) -> None:
    ended = edgewise("results", "--results", results)
    assert (ended.code, ended.stderr) == (0, "")
    heading, *rows, last = ended.stdout.splitlines()
    assert heading.split() == ["when", "device", "board", "model", "threads", "p50", "p90", "verdict", "id"]
    assert [row.split()[-1] for row in rows] == ["dddd0000", "bbbb0000", "eeee0000", "cccc0000", "aaaa0000"]
    assert " ".join(rows[-1].split()) == (
        "2026-11-20 12:01 local Board [5] tiny tflite w8a8 2 4.00 ms 4.00 ms trusted aaaa0000"
    )
    assert "not trusted: drift 8 % (and 2 more)" in rows[3]
    assert "tiny tflite w8a8 (float model)" in rows[2]
    assert last == f"5 of {results}"


def test_an_emulators_times_are_never_shown_as_latency(edgewise: Run, results: Path) -> None:
    ended = edgewise("results", "--results", results)
    assert "777" not in ended.stdout
    assert "emulated by qemu-user, not a latency" in ended.stdout
    ended = edgewise("results", "aaaa", "dddd", "--results", results)
    assert ended.code == 2
    assert "was emulated by qemu-user: its times mean nothing" in ended.complaint


def test_options_filter(edgewise: Run, results: Path) -> None:
    def listed(*options: object) -> list[str]:
        ended = edgewise("results", *options, "--json", EDGEWISE_RESULTS=str(results))
        assert (ended.code, ended.stderr) == (0, "")
        assert (ended.document["schema"], ended.document["schema_version"]) == ("edgewise.results", 1)
        assert ended.document["results"] == str(results)
        return [found["id"][:4] for found in ended.document["records"]]

    assert listed("--limit", 2) == ["dddd", "bbbb"]
    assert listed("--not-trusted") == ["cccc"]
    assert listed("--since", "2026-11-22") == ["dddd", "bbbb", "eeee"]
    assert listed("--model", "tiny", "--device", "local", "--trusted", "--since", "2026-11-23") == ["dddd"]
    assert listed("--target", "onnx") == listed("--precision", "fp32") == []


def test_json_lists_whole_records(edgewise: Run, results: Path) -> None:
    ended = edgewise("results", "--limit", 2, "--json", "--results", results)
    assert [Record.from_json(found) for found in ended.document["records"]] == [EMULATED, NEW]


@pytest.mark.parametrize("words", [("show", "bbbb"), ("bbbb",), ("bbbb0000", "--json")])
def test_one_record_is_shown_whole(edgewise: Run, results: Path, words: tuple[str, ...]) -> None:
    ended = edgewise("results", *words, "--results", results)
    assert (ended.code, ended.stderr) == (0, "")
    shown = json.loads(ended.stdout)
    if "--json" in words:
        assert (shown["schema"], shown["schema_version"]) == ("edgewise.record", 1)
        shown = ended.document["record"]
    assert Record.from_json(shown) == NEW


def test_two_records_are_compared_over_time(edgewise: Run, results: Path) -> None:
    ended = edgewise("results", "bbbb", "aaaa", "--results", results)
    assert (ended.code, ended.stderr) == (0, "")
    assert "bbbb0000 takes 1.25 times as long as aaaa0000, by medians" in ended.stdout
    assert "not measured in alternation, so conditions may differ too" in ended.stdout
    assert " ".join(ended.stdout.splitlines()[4].split()) == "engine version 2.3.0 2.4.0"


def test_the_comparison_as_json(edgewise: Run, results: Path) -> None:
    document = edgewise("results", "aaaa", "bbbb", "--json", "--results", results).document
    assert document.pop("ratio") == pytest.approx(1.25)
    assert document == {
        "schema": "edgewise.results-compared",
        "schema_version": 1,
        "older": OLD.id,
        "newer": NEW.id,
        "in_turn": False,
        "differences": {"engine version": {"older": "2.3.0", "newer": "2.4.0"}},
    }
    assert edgewise("results", "bbbb", "eeee", "--json", "--results", results).document["in_turn"] is True


def test_a_shared_record_is_added_once(edgewise: Run, tmp_path: Path) -> None:
    shared, results = tmp_path / "record.json", tmp_path / "results.sqlite"
    shared.write_text(json.dumps(DOUBTED.to_json()))
    ended = edgewise("results", "--add", shared, "--results", results)
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith("added cccc0000\n")
    assert ended.stdout.endswith(f"1 of {results}\n")
    (added,) = Store(results).select()
    assert added.verdict.reasons[:3] == DOUBTED.verdict.reasons
    assert replace(added, verdict=DOUBTED.verdict) == DOUBTED
    again = edgewise("results", "--add", shared, "--results", results, "--json")
    assert again.code == 2
    assert again.error["exit_name"] == "usage"
    assert f"is already in {results}; nothing was added" in again.complaint


def test_a_record_that_is_none_is_not_added(edgewise: Run, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    ended = edgewise("results", "--add", tmp_path / "other.json", "--results", tmp_path / "results.sqlite")
    assert ended.code == 1
    assert "not a latency record: its schema is None" in ended.complaint
    assert not (tmp_path / "results.sqlite").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("zzzz",), "'zzzz' matches no id"),
        (("aaaa", "bbbb", "cccc"), "3 ids: give one to show it, or two"),
        (("show",), "0 ids: give one"),
        (("aaaa", "--model", "tiny"), "not both"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    edgewise: Run, results: Path, words: tuple[str, ...], complaint: str
) -> None:
    ended = edgewise("results", *words, "--results", results)
    assert ended.code == 2
    assert complaint in ended.complaint


def test_a_time_that_is_none_is_refused(edgewise: Run, results: Path) -> None:
    ended = edgewise("results", "--since", "yesterday", "--results", results)
    assert ended.code == 2
    assert "'yesterday' is neither a date like 2026-11-22 nor a time span like 12h, 7d or 4w" in ended.stderr


def test_nothing_measured_yet(edgewise: Run, tmp_path: Path) -> None:
    ended = edgewise("results", "--since", "7d", XDG_DATA_HOME=str(tmp_path), EDGEWISE_RESULTS="")
    assert ended.code == 0
    assert "no records match" in ended.stdout
    assert str(tmp_path / "edgewise" / "results.sqlite") in ended.stdout
    assert [*tmp_path.rglob("results*")] == []


def test_a_damaged_file_is_one_line(edgewise: Run, tmp_path: Path) -> None:
    (tmp_path / "results.sqlite").write_bytes(b"damaged " * 1000)
    ended = edgewise("results", "--results", tmp_path / "results.sqlite")
    assert ended.code == 1
    assert "is damaged or not a results store; move it away" in ended.complaint
