"""What a sweep shows: a line for each file, what failed and why, and the list of its cache."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from ...pipeline.sweep.cache import CacheLine
from ...pipeline.sweep.figures import Change, Share, SweepRow, SweptTime
from ...pipeline.sweep.run import Sweep
from ...pipeline.sweep.scorecard import Scorecard
from ..terminal import table

_COLOURS = {"pass": "green", "fail": "red"}
_SHOWN = 12  # characters of a key


def show_sweep(console: Console, found: Sweep) -> None:
    """A table of what was made, and the reasons of what was not."""
    headings = ("MB", "top-1", "drop", "agreement", "SQNR", "p50", "faster", "verdict")
    shown = table("network", "target", "precision", *headings, left=3)
    for row in found.rows:
        if row.file is not None:
            shown.add_row(*_cells(row))
    console.print()
    if shown.rows:
        console.print(shown)
    for row in found.failed:
        assert row.failure is not None  # noqa: S101 - by definition
        reason = f"{row.failure.exit_name.replace('_', ' ')}: {row.failure.message}"
        console.print(f"[red]✗[/] {escape(row.title)}: {escape(reason)}", soft_wrap=True)
    console.print()
    files = f"{len(found.rows)} files: {found.made} made, {len(found.rows) - found.made} from the cache"
    line = f"{files}, {len(found.failed)} failed; {found.seconds:.1f} s; {found.cache}"
    console.print(line, style="dim", markup=False, soft_wrap=True)


def show_scorecard(console: Console, card: Scorecard) -> None:
    """What got better and worse, worst last, so that it is seen."""
    console.print()
    for heading, some, colour in (
        ("better", card.better, "green"),
        ("slightly worse, as allowed", card.slipped, "yellow"),
        ("WORSE", card.worse, "red"),
    ):
        if some:
            console.print(f"[{colour}]{heading}[/]")
        for one in some:
            console.print(f"  {escape(one.file)}: {escape(one.text)}", soft_wrap=True)
    for heading, names in (("no longer there", card.missing), ("new", card.added), ("changed", card.changes)):
        if names:
            console.print(f"{heading}: {', '.join(names)}", markup=False, soft_wrap=True)
    counts = f"{len(card.better)} better, {len(card.slipped)} slightly worse, {len(card.worse)} worse"
    console.print(f"{counts}, of {card.compared} measures against {card.against}", style="dim", markup=False)


def show_cache(console: Console, folder: Path, entries: Sequence[CacheLine], *, cleared: bool) -> None:
    """Every entry, or how much was removed."""
    total = sum(entry.size_bytes for entry in entries) / 1e6
    if not cleared and entries:
        shown = table("file", "made", "last used", "MB", "key", left=3)
        for entry in entries:
            used = datetime.fromtimestamp(entry.used, UTC).strftime("%Y-%m-%d")
            title = f"{entry.title} (failed)" if entry.failure else entry.title
            cells = [title, entry.made[:10], used, f"{entry.size_bytes / 1e6:.1f}", entry.key[:_SHOWN]]
            shown.add_row(*map(escape, cells))
        console.print(shown)
    did = "removed from" if cleared else "in"
    console.print(f"{len(entries)} entries, {total:.1f} MB, {did} {folder}", style="dim", markup=False)


def _cells(row: SweepRow) -> list[str]:
    file = row.file
    assert file is not None  # noqa: S101 - of rows with a file
    time = row.times[0] if row.times else None
    quantized = file.precision != "fp32"
    verdict = f"{file.verdict.upper()}{' (estimated)' if file.basis == 'estimated' else ''}"
    colour = _COLOURS.get(file.verdict, "yellow")
    precision = file.precision if file.precision == row.requested else f"{row.requested} as {file.precision}"
    return [
        escape(row.network),
        row.target,
        precision,
        f"{file.size_bytes / 1e6:.2f}",
        _percent(file.top1),
        f"{file.drop.value:+.2f}" if file.drop and quantized else "-",
        _percent(file.agreement) if quantized else "-",
        f"{file.sqnr_db:.1f} dB" if quantized else "-",
        _time(time),
        _faster(time.speedup if time else None),
        f"[{colour}]{escape(verdict)}[/]" if quantized else "-",
    ]


def _percent(share: Share | None) -> str:
    return "-" if share is None else f"{100 * share.value:.1f} %"


def _time(time: SweptTime | None) -> str:
    return "-" if time is None else f"{time.p50_ms:.2f} ms"


def _faster(speedup: Change | None) -> str:
    return "-" if speedup is None else f"{speedup.value:.2f}x"
