"""The page, in a real browser too."""

from collections.abc import Callable
from typing import Any

import pytest

from edgewise.pipeline.report import Evidence, rendered
from edgewise.pipeline.report.predictions import Prediction

Alone = Callable[[str], int]
Fitting = Callable[[str, int], None]


@pytest.fixture
def page(manifest: dict[str, Any], answers: list[Prediction], pixel: str) -> str:
    images = {row.picture: pixel for row in answers}
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


def test_the_page_is_well_formed_and_alone(page: str, require_alone: Alone) -> None:
    assert require_alone(page) == 3  # figures


def test_text_of_files_is_escaped(page: str) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt; is odd" in page
    assert "<b>goldfish" not in page


@pytest.mark.parametrize(
    "data", [{}, {"verification": []}, {"layers": [{}], "recovery": [{}], "latency": {"float": {}}}]
)
def test_manifests_with_nothing_in_them(data: dict[str, Any], require_alone: Alone) -> None:
    require_alone(rendered({"name": "x", "target": "onnx", "precision": "w8a8", **data}, Evidence()))


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
def test_it_fits_a_phone_in_a_real_browser(page: str, require_fitting: Fitting, width: int) -> None:
    require_fitting(page, width)
