"""What a comparison shows: a line for each pair of models, and the accuracy of each model."""

from rich.console import Console
from rich.markup import escape

from ...pipeline.compare import ParityMatrix
from ..terminal import table


def show_matrix(console: Console, found: ParityMatrix) -> None:
    """Each pair of models, and each model's accuracy where there are labels."""
    pairs = found.pairs
    shown = table("", "against", "max diff", "relative", "agreement", "SQNR", "cosine", left=2)
    for before, pair in zip([None, *pairs], pairs, strict=False):
        first = before is None or before.reference != pair.reference
        if before and first:
            shown.add_row()
        shown.add_row(
            f"[bold]{escape(pair.reference)}[/]" if first else "",
            escape(pair.candidate),
            f"{pair.max_abs:.1e}",
            f"{pair.max_rel:.1e}",
            f"{100 * pair.top1:.1f} %",
            f"{pair.sqnr_db:.1f} dB" if pair.max_abs else "equal",
            f"{pair.cosine:.5f}",
        )
    console.print()
    console.print(shown)
    console.print()
    for name, accuracy in found.accuracies.items():
        if accuracy:
            low, high = accuracy.top1_interval.low, accuracy.top1_interval.high
            interval = f"95 % interval {100 * low:.1f} to {100 * high:.1f}"
            console.print(f"{name}: top-1 {100 * accuracy.top1:.2f} % ({interval})", markup=False)
    line = f"each line compares two models on {pairs[0].count} pictures: {found.pictures}"
    console.print(line, style="dim", markup=False)
