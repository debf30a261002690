"""The report's figures, as SVG that takes its colours from the page."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
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
_MOST_LETTERS, _MOST_NUMBERS = 14, 14  # of a name, and classes with room for numbers, in a confusion matrix
_LARGEST = 1e30  # number of a file that is drawn: matplotlib fails with larger ones
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


def curves(rows: Sequence[Mapping[str, float]]) -> str:
    """Epochs of a training by the names of their columns: loss, top-1 in percent, and learning rate."""
    both = (("training", FIRST, "-", "train"), ("validation", SECOND, "--", "val"))
    with _panels(6.2, 3) as ((loss, top1, rate), result):
        for label, colour, style, part in both:
            for axes, column, scale in ((loss, f"{part}_loss", 1), (top1, f"{part}_top1", 100)):
                _line(axes, rows, column, scale=scale, label=label, color=colour, ls=style)
        _line(rate, rows, "learning_rate", color=MUTED)
        for axes, title in ((loss, "loss"), (top1, "top-1 in percent"), (rate, "learning rate")):
            axes.set_title(title, loc="left", fontsize=10, color=INK)
            axes.grid(color=LINE, lw=0.5)
        loss.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, labelcolor=INK)
        rate.set_xlabel("epoch")
        rate.locator_params(axis="x", integer=True)
    return result[0]


def confusion(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Pictures of each class (rows) by the answer (columns); each row is coloured by its parts."""
    places = range(len(names))
    shown = [name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…" for name in names]
    with _figure(1.3 + 3.9 * min(1, (len(names) + 2) / 14)) as (axes, result):
        for row, values in enumerate(counts):
            total = max(1, sum(values))
            for column, value in enumerate(values):
                if not value:
                    continue
                # At most half opaque, so that the numbers stay readable in light and dark.
                colour, alpha = GOOD if row == column else BAD, 0.08 + 0.42 * value / total
                axes.bar(column, 1, 1, row - 0.5, color=colour, alpha=alpha, lw=0, clip_on=False)
                if len(names) <= _MOST_NUMBERS:
                    axes.text(column, row, f"{value}", ha="center", va="center", color=INK, fontsize=8)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xticks(places, shown, rotation=90)
        axes.set_yticks(places, shown)
        axes.tick_params(length=0, labelsize=8)
        axes.set_xlabel("answer")
        axes.set_ylabel("class")
    return result[0]


def _line(
    axes: "Axes", rows: Sequence[Mapping[str, float]], column: str, *, scale: float = 1, **style: Any
) -> None:
    """A column of the epochs; a single epoch is a point."""
    epochs, values = ([min(max(row[key], -_LARGEST), _LARGEST) for row in rows] for key in ("epoch", column))
    axes.plot(epochs, [scale * value for value in values], lw=2, marker="" if len(rows) > 1 else "o", **style)


@contextmanager
def _figure(height: float) -> Iterator[tuple["Axes", list[str]]]:
    """Axes to draw on; at the end of the block the list holds the figure as SVG."""
    with _panels(height, 1) as ((axes,), result):
        yield axes, result


@contextmanager
def _panels(height: float, count: int) -> Iterator[tuple[Sequence["Axes"], list[str]]]:
    """As many axes, one below the other, with one scale from left to right.

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
        panels = [*figure.subplots(count, sharex=True, squeeze=False)[:, 0]]
        for axes in panels:
            axes.spines[["top", "right", "left"]].set_visible(False)
            axes.patch.set_visible(False)
        yield panels, result
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
