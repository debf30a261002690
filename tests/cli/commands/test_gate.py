"""`edgewise gate`, and what commands write for CI."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

Run = Callable[..., Any]


@pytest.mark.slow
def test_a_bundle_passes_beside_itself(
    edgewise: Run, bundle: Path, without_torch: dict[str, str], tmp_path: Path
) -> None:
    asked = (bundle, "--baseline", bundle, "--no-latency", "--summary", tmp_path / "summary.md")
    ended = edgewise("gate", *asked, **without_torch)
    assert ended.code == 0, ended.stderr
    assert "SQNR" in ended.stdout
    assert (tmp_path / "summary.md").read_text("utf-8").startswith("### edgewise gate: 2 checks passed\n")


@pytest.mark.slow
def test_another_data_set_is_refused_and_written_down(
    edgewise: Run, bundle: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    junit = tmp_path / "junit.xml"
    ended = edgewise("gate", bundle, "--baseline", tiny_bundle, "--junit", junit)
    assert ended.code == 2
    assert "have other classes" in ended.complaint
    (wrong,) = ET.parse(junit).iter("failure")  # noqa: S314 - our own
    assert "have other classes" in (wrong.get("message") or "")


@pytest.mark.slow
def test_an_export_that_fails_its_gate_is_written_down(
    edgewise: Run, nets: Path, small: tuple[object, ...], tmp_path: Path
) -> None:
    junit, summary = tmp_path / "junit.xml", tmp_path / "summary.md"
    asked = (*small, "--precision", "w8a32,w8a8", "--no-recover", "--out", tmp_path / "out")
    ended = edgewise("export", f"{nets}:outlier", *asked, "--junit", junit, "--summary", summary)
    assert ended.code == 3
    cases = list(ET.parse(junit).iter("testcase"))  # noqa: S314
    assert [case.get("classname") for case in cases if case.find("failure") is not None] == ["onnx w8a8"]
    assert "onnx w8a32" in {case.get("classname") for case in cases}
    assert "checks failed" in summary.read_text("utf-8").splitlines()[0]
