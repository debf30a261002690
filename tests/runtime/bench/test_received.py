"""Records from a file: valid ones are read, damaged and inconsistent ones are refused with the reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.runtime.bench.received import read
from edgewise.runtime.bench.record import Record

Write = Callable[[object], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(document: object) -> Path:
        path = tmp_path / "record.json"
        path.write_text(json.dumps(document))
        return path

    return write


def test_a_record_is_read_back_unchanged(records: list[Record], write: Write) -> None:
    assert read(write(records[1].to_json())) == [records[1]]


def test_the_output_of_bench_contains_several(records: list[Record], write: Write) -> None:
    document = {"records": [record.to_json() for record in records], "comparisons": []}
    assert read(write(document)) == records


def test_percentiles_may_be_summed_in_another_order(records: list[Record], write: Write) -> None:
    plain = records[1].to_json()
    plain["summary"]["mean_ms"] *= 1 + 1e-12
    assert read(write(plain))[0].id == records[1].id


def test_a_device_may_add_its_own_reasons(records: list[Record], write: Write) -> None:
    plain = records[1].to_json() | {"verdict": {"trusted": False, "reasons": ["the phone was hot"]}}
    assert read(write(plain))[0].verdict.reasons == ("the phone was hot",)


def test_the_verdict_is_made_again(records: list[Record], write: Write) -> None:
    """By our rules, which are newer than those of an app."""
    plain = records[1].to_json() | {"drift": 1.3, "before": None}
    (found,) = read(write(plain))
    assert found.verdict.reasons == ("it drifted (the last quarter was 30 % slower than the first)",)
    assert not found.verdict.trusted
    plain["after"]["load"] = plain["others"] = None
    assert read(write(plain))[0].verdict.unknown == ("how busy it was",)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("threads",), "two", "'threads' has an invalid value"),
        (("threads",), True, "'threads' has"),
        (("samples_ms", 3), None, "'samples_ms' has"),
        (("load_ms",), float("nan"), "'load_ms' has"),
        (("machine", "cores"), 4.5, "'machine' has"),
        (("machine", "board"), "Phone \x1b[2J", "'machine' has"),
        (("before", "temperatures_c"), {"cpu": "hot"}, "'before' has"),
        (("started",), "yesterday", "yesterday"),
        (("schema",), 99, "schema 99"),
        (("samples_ms", 3), -1.0, "times must be finite and above zero"),
        (("summary", "p50_ms"), 1.0, "its 'summary' does not match its samples"),
        (("end_to_end",), None, "its 'end_to_end' does not match"),
    ],
)
def test_the_error_names_what_is_wrong(
    records: list[Record], write: Write, place: tuple[Any, ...], value: object, message: str
) -> None:
    plain = json.loads(json.dumps(records[1].to_json()))
    *way, last = place
    inner = plain
    for step in way:
        inner = inner[step]
    inner[last] = value
    path = write(plain)
    with pytest.raises(
        EdgewiseError, match=rf"^{path}: .*{message}.*; measure again and share the new record$"
    ):
        read(path)


@pytest.mark.parametrize("document", [[], 3, {"records": []}, {"records": "none"}])
def test_a_file_without_records_is_refused(write: Write, document: object) -> None:
    with pytest.raises(UsageError, match="contains no records; pass a file written by the app"):
        read(write(document))


def test_one_invalid_record_refuses_all(records: list[Record], write: Write) -> None:
    with pytest.raises(EdgewiseError, match="not a latency record but a int"):
        read(write({"records": [records[0].to_json(), 3]}))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text('{"schema": 1, "id"')
    with pytest.raises(EdgewiseError, match=r"cut\.json: cannot be read .*share the record again"):
        read(tmp_path / "cut.json")
    with pytest.raises(UsageError, match="no such file; pass a record"):
        read(tmp_path / "nowhere.json")
