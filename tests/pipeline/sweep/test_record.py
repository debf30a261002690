"""The record of a sweep, which may come from anywhere."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.pipeline.sweep.cache import Cache
from edgewise.pipeline.sweep.figures import SweepRow
from edgewise.pipeline.sweep.record import keep_record, measured_rows, read_record
from edgewise.pipeline.sweep.run import Sweep

Row = Callable[..., SweepRow]
SweepOf = Callable[..., Sweep]


def test_what_is_written_is_read(row: Row, sweep_of: SweepOf, tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    path.write_text(json.dumps(sweep_of(row()).to_json()))
    assert read_record(path).rows == (row(),)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "is not the record of a sweep"),
        ('{"schema": "edgewise.bench"}', "is not the record of a sweep"),
        ('{"schema": "edgewise.sweep", "schema_version": 1, "rows": 3}', "has no 'versions'"),
    ],
)
def test_anything_else_is_refused(content: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=told):
        read_record(path)


def test_a_newer_record_asks_for_an_update(tmp_path: Path) -> None:
    path = tmp_path / "newer.json"
    path.write_text('{"schema": "edgewise.sweep", "schema_version": 99}')
    with pytest.raises(EdgewiseError, match="newer edgewise"):
        read_record(path)


def test_a_cache_keeps_the_newest_record_of_each_sweep(row: Row, sweep_of: SweepOf, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    assert measured_rows([], cache) == []
    cache.prepare()
    for seconds in (1.0, 2.0):
        keep_record(cache, sweep_of(row(seconds=seconds)).to_json(), ["1f"])
    keep_record(cache, sweep_of(row(network="resnet18")).to_json(), ["2f"])
    found = {one.network: one for one in measured_rows([], cache)}
    assert {*found} == {"mobilenetv2", "resnet18"}
    assert found["mobilenetv2"].seconds == 2.0
