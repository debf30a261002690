"""`edgewise recommend`, and `edgewise compare --measured`, on a record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_a_wish_is_granted_from_published_figures_without_anything_heavy(
    edgewise: Run, without_anything_heavy: dict[str, str], tmp_path: Path
) -> None:
    wishes = ("--max-size-mb", 5, "--min-top1", 70, "--for", "pi5", "--scenario", "mobile")
    asked = ("recommend", *wishes, "--cache", tmp_path / "none")
    ended = edgewise(*asked, "--json", **without_anything_heavy)
    assert ended.code == 0, ended.stderr
    document = ended.document
    assert {one["target"] for one in document["ranked"]} == {"tflite"}
    assert all(one["size_mb"]["value"] <= 5 and one["top1"]["value"] >= 70 for one in document["ranked"])
    shown = edgewise(*asked, "--count", 3)
    assert document["command"] in shown.stdout
    assert document["ranked"][0]["network"] in shown.stdout
    assert "p: published, e: estimated" in shown.stdout


def test_an_impossible_wish_is_told_what_to_relax(edgewise: Run, tmp_path: Path) -> None:
    ended = edgewise("recommend", "--max-size-mb", 1, "--min-top1", 75, "--cache", tmp_path / "none")
    assert ended.code == 2
    assert "relax one of them: --max-size-mb " in ended.complaint
    assert "; or --min-top1 " in ended.complaint


@pytest.mark.parametrize("command", ["recommend", "compare"])
def test_what_is_no_record_is_refused(command: str, edgewise: Run, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text("{}")
    words = ("--records", file) if command == "recommend" else ("--measured", file)
    ended = edgewise(command, *words)
    assert ended.code == 2
    assert "is not the record of a sweep" in ended.complaint
