"""Records survive JSON; anything else is refused with the reason."""

import json
from typing import Any

import pytest

from edgewise.models.errors import EdgewiseError
from edgewise.runtime.bench.record import SCHEMA, BenchedModel, Record, part


def test_a_record_survives_json(records: list[Record]) -> None:
    for record in records:
        plain = json.loads(json.dumps(record.to_json(), allow_nan=False))
        assert plain["schema"] == SCHEMA
        assert Record.from_json(plain) == record


def test_fields_of_a_newer_writer_are_skipped(records: list[Record]) -> None:
    plain = records[0].to_json()
    plain["machine"]["colour"] = plain["humidity"] = "new"
    assert Record.from_json(plain) == records[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": SCHEMA + 1}, f"schema {SCHEMA + 1}, but this version reads {SCHEMA}; update edgewise"),
        ({"schema": None}, "not a latency record: its schema is None"),
        ({"machine": {"board": "x"}}, "not a latency record: .* missing"),
        ({"summary": 3.0}, "not a latency record"),
    ],
)
def test_invalid_records_are_refused(records: list[Record], change: dict[str, Any], message: str) -> None:
    with pytest.raises(EdgewiseError, match=message):
        Record.from_json(records[0].to_json() | change)


def test_a_missing_field_is_named(records: list[Record]) -> None:
    for name in ("samples_ms", "golden"):
        plain = records[0].to_json()
        del plain[name]
        with pytest.raises(EdgewiseError, match=f"not a latency record: .*{name}"):
            Record.from_json(plain)


def test_a_part_converts_lists_to_tuples(records: list[Record]) -> None:
    model = records[0].model
    assert model.title == "tiny tflite fp32"
    assert part(BenchedModel, json.loads(json.dumps(records[0].to_json()))["model"]) == model
    assert records[0].machine.features == ("asimd", "asimddp")
