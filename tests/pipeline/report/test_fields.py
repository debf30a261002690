"""Manifests that are old, incomplete or hostile."""

from typing import Any

import pytest

from edgewise.pipeline.report.fields import Fields

FOUND = Fields(
    {"a": {"text": "x\x1b[31m", "number": 1.5, "count": 3, "rows": [{"b": 1}, 2], "nan": float("nan")}}
)


@pytest.mark.parametrize("data", [None, [], "text", {}, {"a": None}, {"a": []}, {"a": "text"}])
def test_what_is_not_there_is_none(data: Any) -> None:
    found = Fields(data)
    assert (found.text("a", "b"), found.number("a", "b"), found.count("a", "b")) == (None, None, None)
    assert (found.rows("a", "b"), found.texts("a", "b"), [*found.items("a", "b")]) == ([], [], [])
    assert not found.under("a", "b")


def test_values_of_another_type_are_none() -> None:
    assert FOUND.number("a", "text") is None
    assert FOUND.text("a", "number") is None
    assert FOUND.count("a", "number") is None
    assert FOUND.number("a", "nan") is None
    assert Fields({"a": True}).number("a") is None
    assert Fields({"a": 10**400}).number("a") is None


def test_values() -> None:
    assert FOUND.text("a", "text") == "x\N{REPLACEMENT CHARACTER}[31m"
    assert (FOUND.number("a", "number"), FOUND.count("a", "count")) == (1.5, 3)
    assert [row.count("b") for row in FOUND.rows("a", "rows")] == [1]
    assert [(name, bool(row)) for name, row in FOUND.items()] == [("a", True)]
