"""`edgewise.report`: pages about what is there."""

import json
from pathlib import Path
from typing import Any

import pytest

import edgewise
from edgewise.runtime.bench.record import Record


def test_a_single_bundle_has_its_own_page(tiny_bundle: Path, tmp_path: Path, document_of: Any) -> None:
    made = edgewise.report(tiny_bundle, tmp_path / "page.html")
    assert (made.bundles, made.records) == ((tiny_bundle,), ())
    page = made.path.read_text("utf-8")
    assert "<title>tiny, tflite w8a8: UNPROVEN</title>" in page
    assert document_of(made, "report")["path"] == str(tmp_path / "page.html")


def test_a_folder_of_bundles_is_compared(
    tiny_bundles: dict[str, Path], record: Record, tmp_path: Path
) -> None:
    for target, bundle in tiny_bundles.items():
        (tmp_path / "dist").mkdir(exist_ok=True)
        (tmp_path / "dist" / target).symlink_to(bundle)
    (tmp_path / "one.json").write_text(json.dumps(record.to_json()))
    (tmp_path / "two.json").write_text(json.dumps({"records": [record.to_json()] * 2}))
    paths = [tmp_path / "dist", tmp_path / "one.json", tmp_path / "two.json"]
    made = edgewise.report(paths, tmp_path / "page.html")
    assert len(made.bundles) == 3
    assert made.records == ("a20",) * 3
    page = made.path.read_text("utf-8")
    assert "<title>3 models and 3 latency records</title>" in page
    assert page.count("<h3>") == 3


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no such file"), ("text", "cannot be read"), ("[]", "contains no records")]
)
def test_other_files_are_refused(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "it.json").write_text(content)
    with pytest.raises(edgewise.EdgewiseError, match=words):
        edgewise.report(tmp_path / "it.json", tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_folder_without_bundles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(edgewise.UsageError, match="is no bundle and holds none"):
        edgewise.report(tmp_path, tmp_path / "page.html")
