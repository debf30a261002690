"""What an ensemble shows in addition to its conversion."""

from collections.abc import Sequence

from rich.console import Console

from ...pipeline.ensemble import EnsembleConversion
from ...pipeline.gain import MemberCost, MemberScore
from ..terminal import table


def show_members(console: Console, found: EnsembleConversion) -> None:
    """The ensemble and its members, and what it gains over the best of them."""
    scores, costs = found.scores, found.costs
    pictures = "{count} {pictures}".format_map(found.judged_on)
    judged = [score for score in scores if score.accuracy]
    headings = ("top-1", "ECE", "ensemble gains") if judged else ("agreement",)
    shown = table("", *headings, "", "latency", "size")
    for place, score in enumerate(scores, 1):
        cells = [score.name if score.weight is None else f"member {place}", *_cells(score)]
        for cost in (cost for cost in costs if cost.name == score.name):
            size = f"{cost.size_bytes / 1e6:.2f} MB"
            shown.add_row(*cells, cost.target, f"{cost.latency.p50_ms:.2f} ms", size)
            cells = [""] * len(cells)
    console.print()
    console.print(shown)
    for place, score in enumerate(scores[:-1], 1):
        line = f"member {place}: {score.name}, weight {score.weight:.3f}"
        console.print(line, style="dim", markup=False, soft_wrap=True)
    console.print(_conclusion(judged[:-1], costs, pictures), markup=False, soft_wrap=True)


def _cells(score: MemberScore) -> list[str]:
    if score.accuracy is None or score.ece is None:
        return [f"{100 * score.agreement:.1f} %"]
    return [f"{100 * score.accuracy.top1:.2f} %", f"{100 * score.ece:.2f} %", _points(score)]


def _points(score: MemberScore) -> str:
    """The gain with its 95 % interval: '+1.20 (0.4 to 2.0)'; nothing for the ensemble itself."""
    if score.gain is None:
        return ""
    return f"{score.gain.points:+.2f} ({score.gain.interval.low:.1f} to {score.gain.interval.high:.1f})"


def _conclusion(members: Sequence[MemberScore], costs: Sequence[MemberCost], pictures: str) -> str:
    if not members:
        return f"{pictures} have no labels; pass --data DIR to measure what the ensemble gains"
    best = max(members, key=lambda score: score.accuracy.top1 if score.accuracy else 0.0)
    times = next((cost.ratio.ratio for cost in costs if cost.name == best.name and cost.ratio), 1.0)
    return (
        f"the ensemble gains {_points(best)} points of top-1 on {pictures} over {best.name}, the best "
        f"member, and takes {times:.1f} times as long"
    )
