"""What a report is made from, as an export writes it, and what holds of every page."""

import json
import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

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
def manifest() -> dict[str, Any]:
    """Of an INT8 model that was judged by 400 labelled pictures and passed."""
    digest = "0" * 64
    return {
        "schema": 1,
        "name": "mobilenetv2",
        "target": "onnx",
        "precision": "w8a8",
        "io": "float32",
        "model": "mobilenetv2-w8a8.onnx",
        "reference": "mobilenetv2-fp32.onnx",
        "spec": {
            "name": "mobilenetv2",
            "preprocess": {
                "size": 224,
                "resize": 256,
                "mean": [0.5, 0.5, 0.5],
                "std": [0.5, 0.5, 0.5],
                "interpolation": "bilinear",
            },
            "labels": {"names": ["tench", "<b>goldfish</b>", "shark", "hen"], "ids": []},
            "origin": {"source": "file", "description": "mine.pth", "sha256": digest, "averaged": False},
        },
        "files": {
            "mobilenetv2-w8a8.onnx": {"sha256": digest, "size_bytes": 3_890_000},
            "mobilenetv2-fp32.onnx": {"sha256": digest, "size_bytes": 14_000_000},
        },
        "structure": {"size_bytes": 3_890_000, "overflow": []},
        "processors": {"made_for": ["arm64"], "verdict_holds_for": ["arm64", "x86-vnni", "x86-avx2"]},
        "calibration": {"count": 100, "source": "photos", "sha256": digest},
        "verification": {
            "verdict": "pass",
            "basis": "measured",
            "pictures": "val",
            "isa": "x86_64",
            "worst_picture": "hen/1.jpg",
            "agreement": {
                "top1": 0.9775,
                "top1_interval": {"low": 0.958, "high": 0.988},
                "sqnr_db": 21.0,
                "cosine": 0.9965,
                "worst_cosine": 0.9896,
                "count": 400,
            },
            "float_accuracy": {"top1": 0.88, "top1_interval": {"low": 0.8442, "high": 0.9083}, "top5": 0.97},
            "quantized_accuracy": {
                "top1": 0.8875,
                "top1_interval": {"low": 0.853, "high": 0.915},
                "top5": 0.97,
            },
            "drop": {
                "points": -0.75,
                "interval": {"low": -1.83, "high": 0.34},
                "lost": 1,
                "gained": 4,
                "count": 400,
                "images_to_settle": 400,
            },
            "classes": [{"index": 3, "name": "hen", "count": 2, "lost": 1, "gained": 0}],
            "warnings": ["<script>alert(1)</script> is odd"],
            "limits": {"max_drop": 1.0, "min_agreement": 0.75},
        },
        "layers": [
            {"name": "features.0", "operator": "conv2d", "sqnr_db": 30.1, "through_db": 20.2},
            {"name": "classifier$1$", "operator": "linear", "sqnr_db": 25.0, "through_db": 18.0},
        ],
        "latency": {
            "float": {"count": 30, "min_ms": 3.7, "p50_ms": 3.87, "p90_ms": 4.0},
            "quantized": {"count": 30, "min_ms": 1.9, "p50_ms": 2.07, "p90_ms": 2.1},
            "speedup": {"ratio": 1.87, "interval": {"low": 1.85, "high": 1.88}},
        },
        "recovery": None,
        "machine": {"processor": "AMD EPYC", "system": "Linux"},
        "versions": {"onnxruntime": "1.32.0"},
    }


@pytest.fixture
def answers() -> list[Prediction]:
    """Of four pictures: one is lost, one gained, one changed from wrong to wrong, and one is as before."""
    return [
        Prediction("hen/1.jpg", "hen", "hen", 0.8, "shark", 0.6),
        Prediction("shark/2.jpg", "shark", "hen", 0.5, "shark", 0.7),
        Prediction("tench/3.jpg", "tench", "hen", 0.4, "shark", 0.3),
        Prediction("tench/4.jpg", "tench", "tench", 0.9, "tench", 0.9),
    ]


@pytest.fixture(scope="session")
def pixel() -> str:
    """The address of an image."""
    return PIXEL


@pytest.fixture(scope="session")
def require_alone() -> Callable[[str], int]:
    """A function that fails for a page that is not well-formed or needs other files; it counts figures."""

    def require_alone(page: str) -> int:
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
        assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in figures)
        assert "http" not in re.sub(r"http://www\.w3\.org/\S+|http-equiv", "", page)
        return len(figures)

    return require_alone


@pytest.fixture
def require_fitting(tmp_path: Path) -> Callable[[str, int], None]:
    """A function that fails for a page that is wider than so many pixels, or complains, in a real browser."""

    def require_fitting(page: str, width: int) -> None:
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

    return require_fitting
