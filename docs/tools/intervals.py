"""Draw the picture of docs/explanation/proven.md: intervals of the drop, the limit, and their verdicts.

    uv run python docs/tools/intervals.py

The pictures that were lost and gained are of files that were measured; the product's own function computes
intervals and verdicts.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path

import numpy as np

from edgewise.runtime.judge.drop import Drop, Verdict, drop

PICTURE = Path(__file__).parents[1] / "images" / "intervals.svg"

_LIMIT = 1.0
# Lost, gained, and all pictures.
_FILES = {
    "MobileNetV2, ONNX": (0, 6, 400),
    "MobileNetV2, TFLite": (4, 2, 400),
    "EfficientNet-Lite0, two layers of 4 bits": (29, 7, 436),
}
_COLOURS = {Verdict.PASS: "#1a7f37", Verdict.INCONCLUSIVE: "#9a6700", Verdict.FAIL: "#cf222e"}
_LOW, _HIGH = -4, 9  # points at the edges of the axis
_LEFT, _RIGHT, _TOP, _STEP = 300, 860, 60, 44
_STYLE = "font-family: system-ui, sans-serif; font-size: 14px"


def measured(lost: int, gained: int, count: int) -> Drop:
    """The drop of a file that is wrong on `lost` pictures more, and right on `gained`."""
    exact = np.zeros(count, bool)
    exact[:lost] = True
    file = np.zeros(count, bool)
    file[lost : lost + gained] = True
    return drop(exact, file, _LIMIT)


def drawn() -> str:
    """The picture as SVG."""
    bottom = _TOP + _STEP * len(_FILES)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 {bottom + 60}" style="{_STYLE}">',
        f'<rect width="1000" height="{bottom + 60}" fill="#ffffff"/>',
        *_axis(bottom),
    ]
    for row, (name, counts) in enumerate(_FILES.items()):
        lines += _row(name, measured(*counts), _TOP + _STEP * row + _STEP // 2)
    return "\n".join([*lines, "</svg>\n"])


def _axis(bottom: int) -> Iterator[str]:
    for points in range(_LOW, _HIGH + 1):
        x = _x(points)
        yield f'<line x1="{x}" y1="{bottom}" x2="{x}" y2="{bottom + 6}" stroke="#57606a"/>'
        yield f'<text x="{x}" y="{bottom + 22}" text-anchor="middle" fill="#57606a">{points}</text>'
    yield f'<line x1="{_x(_LOW)}" y1="{bottom}" x2="{_x(_HIGH)}" y2="{bottom}" stroke="#57606a"/>'
    middle = (_LEFT + _RIGHT) // 2
    label = "drop of top-1 accuracy in percentage points; negative is a gain"
    yield f'<text x="{middle}" y="{bottom + 46}" text-anchor="middle" fill="#57606a">{label}</text>'
    limit = _x(_LIMIT)
    yield (
        f'<line x1="{limit}" y1="{_TOP - 20}" x2="{limit}" y2="{bottom}" stroke="#24292f" '
        'stroke-dasharray="5 4"/>'
    )
    yield f'<text x="{limit}" y="{_TOP - 28}" text-anchor="middle" fill="#24292f">--max-drop 1</text>'


def _row(name: str, found: Drop, y: int) -> Iterator[str]:
    colour, interval = _COLOURS[found.verdict], found.interval
    low, high = _x(interval.low), _x(interval.high)
    yield f'<text x="20" y="{y + 5}" fill="#24292f">{escape(name)}</text>'
    yield f'<line x1="{low}" y1="{y}" x2="{high}" y2="{y}" stroke="{colour}" stroke-width="3"/>'
    for end in (low, high):
        yield f'<line x1="{end}" y1="{y - 7}" x2="{end}" y2="{y + 7}" stroke="{colour}" stroke-width="3"/>'
    yield f'<circle cx="{_x(found.points)}" cy="{y}" r="6" fill="{colour}"/>'
    yield (
        f'<text x="{_RIGHT + 10}" y="{y + 5}" fill="{colour}" font-weight="bold">'
        f"{found.verdict.upper()}</text>"
    )


def _x(points: float) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * (points - _LOW) / (_HIGH - _LOW), 1)


if __name__ == "__main__":
    PICTURE.write_text(drawn(), "utf-8")
