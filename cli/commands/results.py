"""`edgewise results`: what was measured, where and when, and how two figures relate over time."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...models.errors import UsageError
from ..groups import GroupedCommand, in_group
from ..options import output

if TYPE_CHECKING:
    from rich.console import Console

    from ...runtime.bench.record import Record
    from ...runtime.bench.store import Store

_filter = in_group("Filters")
_file = in_group("Records")

_SHOWN, _LIMIT = 8, 20
_FILTERS = ("model", "target", "precision", "device", "since", "trusted", "limit")
_AGO = re.compile(r"(\d{1,4})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class _Moment(click.ParamType[datetime]):
    """A day or a time, in UTC unless it says otherwise, or how long ago."""

    name = "DATE|7d"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        if ago := _AGO.fullmatch(value):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is neither a date like 2026-11-22 nor a time span like 12h, 7d or 4w", param, ctx
            )
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _require_one_question(values: dict[str, Any]) -> None:
    ids = values["ids"]
    wanted = _wanted(ids)
    if wanted and any(values[name] is not None for name in _FILTERS):
        raise UsageError("give ids of records or filter options, not both")
    if len(wanted) > 2 or (ids and not wanted):
        raise UsageError(f"{len(wanted)} ids: give one to show it, or two to compare them")


def _wanted(ids: tuple[str, ...]) -> tuple[str, ...]:
    """The ids that are asked for; the word `show` before them is for those who expect it."""
    return ids[1:] if ids[:1] == ("show",) else ids


@click.command(
    cls=GroupedCommand,
    check=_require_one_question,
    short_help="List and compare what `edgewise bench` measured.",
)
@click.argument("ids", nargs=-1, metavar="[[show] ID [ID]]")
@_filter("--model", metavar="NAME", help="Show only records of this network.")
@_filter("--target", metavar="NAME", help="Show only records of this target.")
@_filter("--precision", metavar="NAME", help="Show only records of this precision.")
@_filter("--device", metavar="NAME", help="Show only records from this device.")
@_filter(
    "--since",
    type=_Moment(),
    metavar="DATE|7d",
    help="Show only records since this date, or from this time span.",
)
@_filter("--trusted/--not-trusted", default=None, help="Show only records that are trusted, or that are not.")
@_filter(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Show at most this many records, the newest.",
    show_default=str(_LIMIT),
)
@_file(
    "--add",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="First add the record that the Android app shared, or the records that `edgewise bench --json` "
    "printed.",
)
@_file(
    "--results",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File of the records.",
    show_default="$EDGEWISE_RESULTS, or a file in your data folder",
)
@output
def command(
    ids: tuple[str, ...],
    add: Path | None,
    results: Path | None,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **filters: Any,
) -> None:
    """List measurements, the newest first; show all of one ID; or compare two over time.

    \b
    edgewise results --model mobilenetv2 --since 7d
    edgewise results show 3fa9
    edgewise results 3fa9 81c2
    edgewise results --add record.json

    An ID can be shortened. Times from an emulator are not latencies and are not shown as such.
    """
    from ...pipeline.document import document
    from ...runtime.bench.store import Store, default_path
    from ..terminal import terminal

    store = Store(results or default_path())
    wanted = _wanted(ids)
    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        if add is not None:
            _add(screen.results, store, add)
        if not wanted:
            content = document("results", **_list(screen.results, store, filters))
        elif len(wanted) == 2:
            found = [store.find(name) for name in wanted]
            content = document("results-compared", **_compare(screen.results, *found))
        else:
            record = store.find(*wanted).to_json()
            screen.results.print_json(data=record)
            content = document("record", record=record)
        screen.finish(content)


def _add(console: "Console", store: "Store", path: Path) -> None:
    """Store the records of a file, once they are checked."""
    from ...runtime.bench.received import read

    records = read(path)
    store.add(records)
    console.print(f"added {', '.join(record.id[:_SHOWN] for record in records)}", markup=False)


def _list(console: "Console", store: "Store", filters: dict[str, Any]) -> dict[str, Any]:
    """Show the records that `filters` leave; the JSON document of them."""
    from ..terminal import table

    records = store.select(**filters | {"limit": filters["limit"] or _LIMIT})
    shown = table("when", "device", "board", "model", "threads", "p50", "p90", "verdict", "id", left=4)
    for record in records:
        shown.add_row(*_row(record))
    if not console.is_terminal:  # in a pipe or a file no cell is cut
        shown.width = console.measure(shown, options=console.options.update(max_width=1000)).maximum
    console.print(shown if records else "no records match; `edgewise bench` makes some")
    console.print(f"{len(records)} of {store.path}", style="dim", markup=False)
    return {"results": str(store.path), "records": [record.to_json() for record in records]}


def _row(record: "Record") -> list[str]:
    from rich.markup import escape

    twin = " (float model)" if record.model.part == "reference" else ""
    figures = [_ms(record.summary.p50_ms), _ms(record.summary.p90_ms)]
    verdict = "trusted" if record.verdict.trusted else f"not trusted: {_first(record.verdict.doubts)}"
    if record.machine.emulated:
        figures, verdict = ["-", "-"], f"emulated by {record.machine.emulated}, not a latency"
    when = datetime.fromisoformat(record.started).strftime("%Y-%m-%d %H:%M")
    name = f"{record.model.title}{twin}"
    cells = [when, record.device, record.machine.board or "-", name, str(record.threads), *figures, verdict]
    return [escape(cell) for cell in [*cells, record.id[:_SHOWN]]]


def _compare(console: "Console", one: "Record", other: "Record") -> dict[str, Any]:
    """Show how the newer of two records relates to the older; the JSON document of that."""
    from ...runtime.bench.history import differences

    older, newer = sorted((one, other), key=lambda record: datetime.fromisoformat(record.started))
    for record in (older, newer):
        if record.machine.emulated:
            raise UsageError(
                f"{record.id[:_SHOWN]} was emulated by {record.machine.emulated}: its times mean nothing; "
                "`edgewise results show` shows the rest of the record"
            )
    ratio = newer.summary.p50_ms / older.summary.p50_ms
    changed = differences(older, newer)
    in_turn = older.run == newer.run
    _show_comparison(console, older, newer, changed)
    console.print()
    console.print(f"{newer.id[:_SHOWN]} takes {ratio:.2f} times as long as {older.id[:_SHOWN]}, by medians")
    caution = (
        "measured in alternation, in one run: `edgewise bench` gave the interval"
        if in_turn
        else "not measured in alternation, so conditions may differ too: no interval can be given"
    )
    console.print(caution, style="dim")
    return {
        "older": older.id,
        "newer": newer.id,
        "ratio": ratio,
        "in_turn": in_turn,
        "differences": {name: {"older": was, "newer": now} for name, (was, now) in changed.items()},
    }


def _show_comparison(
    console: "Console", older: "Record", newer: "Record", changed: dict[str, tuple[Any, Any]]
) -> None:
    from rich.markup import escape

    from ..terminal import table

    shown = table("", f"older {older.id[:_SHOWN]}", f"newer {newer.id[:_SHOWN]}", left=3)
    rows = {
        "started": (older.started, newer.started),
        "p50": (_ms(older.summary.p50_ms), _ms(newer.summary.p50_ms)),
        "p90": (_ms(older.summary.p90_ms), _ms(newer.summary.p90_ms)),
    }
    for name, pair in (rows | changed).items():
        shown.add_row(name, *(escape(_words(value)) for value in pair))
    console.print(shown)


def _first(reasons: tuple[str, ...]) -> str:
    """The first of them, for a cell; `edgewise results show` gives all."""
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{next(iter(reasons), '-')}{more}"


def _ms(value: float) -> str:
    return f"{value:.2f} ms"


def _words(value: Any) -> str:
    """A field for a cell; long checksums are shortened."""
    if value is None:
        return "unknown"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return text[:12] if re.fullmatch(r"[0-9a-f]{64}", text) else text
