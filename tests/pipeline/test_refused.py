"""The reports of files that failed a gate."""

from pathlib import Path
from typing import Any

import pytest

import edgewise
from edgewise.models.model import Model
from edgewise.pipeline.refused import report_path

INT8: dict[str, Any] = {"to": "onnx", "int8": True, "calib_count": 16}


def test_the_report_is_beside_the_folder() -> None:
    assert report_path(Path("dist/a.b")) == Path("dist/a.b.failed.html")
    assert report_path(Path()) == Path.cwd().with_name(f"{Path.cwd().name}.failed.html")


@pytest.mark.slow
def test_what_fails_leaves_its_report_until_it_passes(tiny_model: Model, tmp_path: Path) -> None:
    out = tmp_path / "made" / "net"
    with pytest.raises(edgewise.GateError, match="prove no accuracy") as raised:
        edgewise.convert(tiny_model, out=out, strict=True, **INT8)
    assert [path.name for path in out.parent.iterdir()] == ["net.failed.html"]
    assert raised.value.report == report_path(out) == out.parent / "net.failed.html"
    assert raised.value.details()["report"] == str(raised.value.report)
    page = raised.value.report.read_text("utf-8")
    assert "<strong>NOT WRITTEN (accuracy gate)</strong>" in page
    assert "It was not written; --force writes it anyway" in page
    assert "<h2>Layers</h2>" in page
    assert '<th scope="row">time</th><td>was not measured</td>' in page
    edgewise.convert(tiny_model, out=out, **INT8)
    assert [path.name for path in out.parent.iterdir()] == ["net"]


@pytest.mark.slow
def test_a_report_that_cannot_be_written_does_not_hide_the_error(
    tiny_model: Model, tmp_path: Path, kept: Any
) -> None:
    (tmp_path / "net.failed.html").mkdir()
    with pytest.raises(edgewise.GateError) as raised:
        edgewise.convert(tiny_model, out=tmp_path / "net", strict=True, progress=kept, **INT8)
    assert raised.value.report is None
    assert any("net.failed.html: the report cannot be written" in line for line in kept.notices)
    assert [path.name for path in tmp_path.iterdir()] == ["net.failed.html"]
