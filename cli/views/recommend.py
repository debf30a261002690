"""What a recommendation shows: the ranked files, each figure with its source, a paragraph and a command."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...pipeline.recommend.candidates import Candidate, Figure
from ...pipeline.recommend.choice import Recommendation
from ..terminal import table

_MARKS = {"measured": "", "published": " p", "estimated": " e"}
_LEGEND = "p: published, e: estimated, all others measured; -: unknown"


def show_recommendation(console: Console, found: Recommendation, count: int) -> None:
    """The first `count` files, why the first is first, and what comes next."""
    console.print()
    console.print(figures(found.ranked[:count]))
    console.print(_LEGEND, style="dim")
    console.print()
    console.print(found.paragraph, markup=False)
    console.print()
    console.print(f"next: {found.command}", markup=False, soft_wrap=True)


def show_measured(console: Console, found: Sequence[Candidate], best: Sequence[Candidate]) -> None:
    """All measured files; those of the Pareto front are marked."""
    console.print()
    console.print(figures(found, best))
    console.print(f"*: on the Pareto front, no other file is better in everything. {_LEGEND}", style="dim")


def figures(found: Iterable[Candidate], marked: Sequence[Candidate] = ()) -> Table:
    """A line for each file."""
    shown = table("network", "target", "precision", "top-1 %", "ms", "MB", "MB of memory", left=3)
    for one in found:
        mark = "* " if one in marked else "  " if marked else ""
        cells = [_cell(figure) for figure in (one.top1, one.latency_ms, one.size_mb, one.memory_mb)]
        shown.add_row(f"{mark}{escape(one.network)}", one.target, one.precision, *cells)
    return shown


def _cell(figure: Figure | None) -> str:
    return "-" if figure is None else f"{figure.value:.2f}{_MARKS[figure.source]}"
