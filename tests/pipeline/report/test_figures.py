"""Figures: well-formed SVG in the page's colours."""

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from edgewise.models.training.run import COLUMNS
from edgewise.pipeline.report import figures

NAME = "a $x$ <b>&amp;"
DRAWN: dict[str, Callable[[], str]] = {
    "interval": lambda: figures.interval(-1.2, -0.25, 0.7, 1, "pass"),
    "a wide interval": lambda: figures.interval(2, 5, 99, 0, "fail"),
    "an unknown verdict": lambda: figures.interval(0, 0, 0, 0, "maybe"),
    "layers": lambda: figures.layers([(NAME, 30.0, 20.0), ("x" * 80, 25.0, 18.0)]),
    "trade": lambda: figures.trade([("1", 2.0, 97.0, 4e6, True), ("2", 3.0, 96.0, 1e7, False)], "ms", "%"),
    "times": lambda: figures.times([("float", 3.7, 3.9, 4.0), ("w8a8", 1.9, 2.0, 2.1)]),
    "curves": lambda: figures.curves([{**dict.fromkeys(COLUMNS, 0.5), "epoch": e} for e in range(1, 40)]),
    "huge numbers": lambda: figures.curves([dict.fromkeys(COLUMNS, sign * 1e308) for sign in (1, -1)]),
    "one epoch": lambda: figures.curves([dict.fromkeys(COLUMNS, 1.0)]),
    "confusion": lambda: figures.confusion([NAME, "b", "c"], [[5, 0, 1], [0, 0, 0], [2, 3, 4]]),
    "many classes": lambda: figures.confusion([f"{n} {'x' * 30}" for n in range(24)], [[1] * 24] * 24),
    "one sample": lambda: figures.timeline([1.5]),
    "many samples": lambda: figures.timeline([1 + (index % 7) / 10 for index in range(5000)]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_stands_alone(name: str) -> None:
    svg = DRAWN[name]()
    root = ET.fromstring(svg)  # noqa: S314 - our own
    assert root.tag.endswith("svg")
    assert {"viewBox", "aria-hidden"} <= root.attrib.keys()
    assert not {"width", "height"} & root.attrib.keys()
    assert "#0" not in re.sub(r'(href="|url\()#\w+', "", svg)  # every colour is a variable of the page
    assert "var(--ink)" in svg
    assert "<style" not in svg
    assert len(svg) < 120_000
    assert svg == DRAWN[name]()


def test_names_are_text() -> None:
    texts = [found.text for found in ET.fromstring(DRAWN["layers"]()).iter() if found.text]  # noqa: S314
    assert NAME in texts
    assert f"\u2026{'x' * 21}" in texts
