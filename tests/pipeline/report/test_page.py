"""The page, in a real browser too."""

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from edgewise.pipeline.report import Evidence, rendered
from edgewise.pipeline.report.predictions import Prediction
from edgewise.runtime.devices import _chromium as chromium

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJ"
    "RU5ErkJggg=="
)
# A page that loads the report in a frame of that width and says how wide it is, once it is there.
FRAME = """<!doctype html>
<body style="margin:0">
<iframe src="{name}" width="{width}" height="900" style="border:0"></iframe>
<script>
onload = () => {{
  const page = document.querySelector("iframe").contentDocument.documentElement;
  const colour = getComputedStyle(page.querySelector("body")).backgroundColor;
  document.title = JSON.stringify([page.scrollWidth, page.clientWidth, colour]);
}}
</script>"""


class Elements(HTMLParser):
    """All elements with their attributes, and what is open at the end."""

    VOID = ("meta", "img", "br", "path", "use", "line", "link")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.fixture
def page(manifest: dict[str, Any], answers: list[Prediction]) -> str:
    images = {row.picture: PIXEL for row in answers}
    return rendered(manifest, Evidence(answers, images, "edgewise export mobilenetv2 --int8"))


def test_everything_is_on_the_page(page: str) -> None:
    for heading in (
        "What to know first",
        "Accuracy",
        "Classes that changed",
        "Answers that changed",
        "Layers",
        "Time and size",
        "Processors",
        "How to use it",
        "Where it comes from",
    ):
        assert f"<h2>{heading}</h2>" in page
    assert "edgewise export mobilenetv2 --int8" in page
    assert page.count("<img ") == 3  # the pictures whose answer changed


def test_the_page_is_well_formed_and_alone(page: str) -> None:
    elements = Elements(page)
    assert elements.open == []
    names = {tag for tag, _ in elements.found}
    assert not names & {"script", "link", "iframe", "object", "form"}
    for _, attributes in elements.found:
        for key in ("src", "href", "xlink:href"):
            assert (attributes.get(key) or "#").startswith(("#", "data:"))
        assert not any(key.startswith("on") for key in attributes)
    assert all(attributes.get("alt") for tag, attributes in elements.found if tag == "img")
    figures = [attributes for tag, attributes in elements.found if tag == "figure"]
    assert len(figures) == 3
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in figures)
    assert "http" not in re.sub(r"http://www\.w3\.org/\S+|http-equiv", "", page)


def test_text_of_files_is_escaped(page: str) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt; is odd" in page
    assert "<b>goldfish" not in page


@pytest.mark.parametrize(
    "data", [{}, {"verification": []}, {"layers": [{}], "recovery": [{}], "latency": {"float": {}}}]
)
def test_manifests_with_nothing_in_them(data: dict[str, Any]) -> None:
    page = rendered({"name": "x", "target": "onnx", "precision": "w8a8", **data}, Evidence())
    assert Elements(page).open == []


def test_attempts(manifest: dict[str, Any]) -> None:
    trials = [
        {
            "title": title,
            "reason": "weights lose more",
            "verification": {"agreement": {"top1": share, "sqnr_db": 20.0}},
            "latency": {"quantized": {"p50_ms": 2.0}},
            "size_bytes": 4_000_000,
        }
        for title, share in (("unchanged", 0.8), ("learned rounding", 0.96))
    ]
    page = rendered(manifest | {"recovery": trials}, Evidence())
    assert "<h2>What was tried</h2>" in page
    assert "weights lose more" in page


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_a_phone_in_a_real_browser(page: str, tmp_path: Path, width: int) -> None:
    program = chromium.find()
    if program is None:
        pytest.skip("there is no Chromium (apt install chromium)")
    (tmp_path / "report.html").write_text(page)
    (tmp_path / "frame.html").write_text(FRAME.format(name="report.html", width=width))
    ended = subprocess.run(
        [
            program,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--allow-file-access-from-files",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=5000",
            "--dump-dom",
            (tmp_path / "frame.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r"<title>(.*?)</title>", ended.stdout)
    assert found, ended.stdout[:500]
    needed, given, colour = json.loads(found[1])
    assert needed <= given <= width  # a scroll bar takes some of it
    assert colour == "rgb(255, 255, 255)"
    assert "CONSOLE" not in ended.stderr
