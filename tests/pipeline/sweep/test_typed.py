"""Dataclasses from untrusted JSON."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.models.errors import UsageError
from edgewise.pipeline.sweep.figures import SweepRow
from edgewise.pipeline.sweep.typed import typed

Row = Callable[..., SweepRow]


def test_a_row_survives_json(row: Row) -> None:
    plain = json.loads(json.dumps(asdict(row())))
    assert typed(SweepRow, plain | {"later": 1}, "row") == row()


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("network",), None, "row.network: is None, must be str"),
        (("reused",), 1, "row.reused: is 1, must be bool"),
        (("seconds",), math.nan, "row.seconds: is nan, must be float"),
        (("seconds",), 10**400, "row.seconds: is 1000"),
        (("peak_rss_bytes",), True, "row.peak_rss_bytes: is True, must be int"),
        (("times",), {}, "row.times: is {}, must be tuple"),
        (("file", "agreement"), 0.5, "row.file.agreement: is 0.5, must be Share"),
        (("file", "size_bytes"), 1.5, "row.file.size_bytes: is 1.5, must be int"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_place(
    path: tuple[str, ...], value: Any, told: str, row: Row
) -> None:
    plain = json.loads(json.dumps(asdict(row())))
    *above, last = path
    place = plain
    for name in above:
        place = place[name]
    place[last] = value
    with pytest.raises(UsageError) as caught:
        typed(SweepRow, plain, "row")
    assert str(caught.value).startswith(told)


def test_a_missing_field_is_named(row: Row) -> None:
    plain = asdict(row())
    del plain["key"]
    with pytest.raises(UsageError, match="row: has no 'key'"):
        typed(SweepRow, plain, "row")


_NAMES = [*SweepRow.__slots__]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=3),
    max_leaves=5,
)


@given(_JSON)
def test_anything_else_is_refused_cleanly(value: Any) -> None:
    with pytest.raises(UsageError):
        typed(SweepRow, value, "row")
