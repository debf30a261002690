"""The report's figures, as SVG that takes its colours from the page."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...export.engines import importing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours that stand for the page's variables, which differ in light and dark.
_VARIABLES = {
    "#010101": "ink",
    "#020202": "muted",
    "#030303": "line",
    "#040404": "first",
    "#050505": "second",
    "#060606": "good",
    "#070707": "bad",
    "#080808": "unsure",
}
INK, MUTED, LINE, FIRST, SECOND, GOOD, BAD, UNSURE = _VARIABLES
VERDICTS = {"pass": GOOD, "fail": BAD, "inconclusive": UNSURE, "unproven": UNSURE}
_MOST_POINTS = 400  # of a timeline; each takes 100 bytes
_WIDTH = 5.2  # inches; so its text can be read on a phone
_SIZE = re.compile(r'<svg ([^>]*?)width="[\d.]+pt" height="[\d.]+pt"')


def interval(low: float, points: float, high: float, limit: float, verdict: str) -> str:
    """The interval of a loss in percentage points, beside the limit."""
    colour = VERDICTS.get(verdict, UNSURE)
    with _figure(1.5) as (axes, result):
        axes.axvspan(limit, max(high, limit) + 100, color=BAD, alpha=0.1, lw=0)
        axes.axvline(limit, color=BAD, lw=1.5, ls="--")
        axes.axvline(0, color=LINE, lw=1)
        axes.plot([low, high], [0, 0], color=colour, lw=5, solid_capstyle="round")
        axes.plot([points], [0], "o", color=colour, ms=11)
        margin = max(0.15 * (max(high, limit) - min(low, 0)), 0.2)
        axes.set_xlim(min(low, 0) - margin, max(high, limit) + margin)
        axes.set_ylim(-1, 1)
        axes.set_yticks([])
        axes.text(limit, 1.05, f"limit {limit:g}", ha="center", va="bottom", color=BAD)
        axes.text(points, 0.35, f"{points:.2f}", ha="center", va="bottom", color=INK)
        axes.set_xlabel("loss of top-1 accuracy in points (left of 0: a gain)")
    return result[0]


def layers(rows: Sequence[tuple[str, float, float]]) -> str:
    """The SQNR of layers in dB, each alone and with all before it in INT8; the first row is on top."""
    names, alone, through = zip(*rows, strict=True)
    with _figure(0.9 + 0.25 * len(rows)) as (axes, result):
        places = range(len(rows))
        axes.hlines(places, through, alone, color=LINE, lw=2)
        axes.plot(alone, places, "o", color=FIRST, ms=7, label="this layer alone")
        axes.plot(through, places, "D", color=SECOND, ms=6, label="with all layers before it")
        axes.set_yticks(places, [name if len(name) <= 22 else f"…{name[-21:]}" for name in names])
        axes.invert_yaxis()
        axes.grid(axis="x", color=LINE, lw=0.5)
        axes.set_xlabel("SQNR of the layer's output in dB; more is better")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False, labelcolor=INK)
    return result[0]


def trade(rows: Sequence[tuple[str, float, float, float, bool]], across: str, up: str) -> str:
    """Titles with two values, a size in bytes, which is the area, and whether no other beats them."""
    largest = max(size for *_, size, _ in rows)
    with _figure(3.6) as (axes, result):
        for number, (_, x, y, size, front) in enumerate(rows, 1):
            colour = FIRST if front else MUTED
            axes.scatter([x], [y], s=500 * size / largest, color=colour, alpha=0.35, lw=0)
            axes.annotate(
                str(number), (x, y), ha="center", va="center", color=INK, weight="bold" if front else "normal"
            )
        axes.margins(0.15)
        axes.grid(color=LINE, lw=0.5)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
    return result[0]


def times(rows: Sequence[tuple[str, float, float, float]]) -> str:
    """Titles with the least, the median and the 90th percentile of their times in milliseconds."""
    with _figure(0.7 + 0.4 * len(rows)) as (axes, result):
        for place, (_, least, median, high) in enumerate(rows):
            axes.barh(place, median, height=0.55, color=FIRST if place else MUTED, alpha=0.55)
            axes.plot([least, high], [place, place], color=INK, lw=2)
            axes.text(high, place, f"   {median:.2f}", va="center", color=INK)
        axes.set_yticks(range(len(rows)), [title for title, *_ in rows])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.25 * max(high for *_, high in rows))
        axes.set_xlabel("CPU milliseconds for a picture on one thread")
    return result[0]


def timeline(samples_ms: Sequence[float]) -> str:
    """Every sample in its order, and beside it how often each time occurs."""
    step = max(1, len(samples_ms) // _MOST_POINTS)
    with _figure(2.2) as (axes, result):
        shown = samples_ms[::step]
        axes.plot(range(0, len(samples_ms), step), shown, ".", color=FIRST, ms=3, alpha=0.6, rasterized=False)
        beside = axes.inset_axes((1.02, 0, 0.2, 1), sharey=axes)
        beside.hist(samples_ms, bins=40, orientation="horizontal", color=FIRST, alpha=0.6)
        beside.axis("off")
        axes.grid(axis="y", color=LINE, lw=0.5)
        axes.set_xlabel("inference")
        axes.set_ylabel("ms")
    return result[0]


@contextmanager
def _figure(height: float) -> Iterator[tuple["Axes", list[str]]]:
    """Axes to draw on; at the end of the block the list holds the figure as SVG.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    with importing("Drawing a report", "report"):
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    settings: Any = {  # matplotlib's type of it lists every name
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.labelcolor": MUTED,
        "axes.edgecolor": LINE,
        "svg.fonttype": "none",  # text that can be read aloud, selected and scaled
        "svg.hashsalt": "edgewise",  # the same bytes every time
        "font.family": "sans-serif",
        "text.parse_math": False,  # names of layers are text
        "font.size": 10,
    }
    result: list[str] = []
    with rc_context(settings):
        figure = Figure((_WIDTH, height), layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.patch.set_visible(False)
        yield axes, result
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        result.append(_for_page(text.getvalue()))


def _for_page(svg: str) -> str:
    """The SVG element alone, as wide as its place, in the page's font and colours."""
    svg = _SIZE.sub(r'<svg aria-hidden="true" \1', svg[svg.index("<svg") :])
    for foreign in (
        r"<metadata>.*?</metadata>",
        r"<style.*?</style>",
        r' id="[a-z]+[\w.]*_\d+"',
        r"font-family: [^;]+; ",
    ):
        svg = re.sub(foreign, "", svg, flags=re.DOTALL)
    for colour, name in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg
