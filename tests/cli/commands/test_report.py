"""`edgewise report`, and the pages that other commands write."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.slow
def test_an_export_writes_files_for_people(edgewise: Run, bundle: Path, tmp_path: Path) -> None:
    page = (bundle / "report.html").read_text("utf-8")
    assert "<title>mobilenetv2, tflite w8a8: " in page
    assert "edgewise export mobilenetv2 --to tflite --int8 --weights " in page
    assert "<h2>Layers</h2>" in page
    ended = edgewise("report", bundle, "--out", tmp_path / "again.html", "--json")
    assert (ended.code, ended.document["bundles"]) == (0, [str(bundle)])
    again = (tmp_path / "again.html").read_text("utf-8")
    assert again.count("<svg") == page.count("<svg")


@pytest.mark.slow
def test_pages_need_no_framework(
    edgewise: Run, bundle: Path, without_torch: dict[str, str], tmp_path: Path
) -> None:
    ended = edgewise("report", bundle, bundle, "-o", tmp_path / "page.html", **without_torch)
    assert (ended.code, ended.stdout.strip()) == (0, str(tmp_path / "page.html"))
    assert "<title>2 models</title>" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.slow
def test_a_verification_writes_a_report(
    edgewise: Run, bundle: Path, labelled: Path, without_torch: dict[str, str], tmp_path: Path
) -> None:
    page = tmp_path / "verified.html"
    ended = edgewise(
        "verify", bundle, "--data", labelled, "--max-drop", 100, "--report", page, **without_torch
    )
    assert ended.code == 0, ended.stderr
    text = page.read_text("utf-8")
    assert "labelled pictures, the smaller model answers" in text
    assert "data:image/webp;base64," in text


@pytest.mark.slow
def test_reports_can_be_left_out(
    edgewise: Run, nets: Path, small: tuple[object, ...], tmp_path: Path
) -> None:
    ended = edgewise("export", f"{nets}:colours", *small, "--no-report", "--out", tmp_path / "out", "--json")
    (product,) = ended.document["bundles"]
    assert "documents" not in product["manifest"]
    assert not {"report.html", "run.py"} & {path.name for path in (tmp_path / "out").iterdir()}


def test_what_is_no_bundle(edgewise: Run, tmp_path: Path) -> None:
    ended = edgewise("report", tmp_path)
    assert ended.code == 2
    assert "is no bundle and holds none" in ended.complaint
