"""What a run shows: a table, ratios, the conditions, and whether each record is trusted."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape

from ...runtime.bench.compare import Comparison
from ...runtime.bench.record import Conditions, GoldenRun, Machine, Record
from ...runtime.bench.timing import Percentiles
from ..terminal import table

_TIMES = ("p50", "p90", "p99", "min", "CPU", "alone", "first", "load", "end to end")


def show_run(console: Console, records: Sequence[Record], compared: Sequence[Comparison]) -> None:
    """All records of one run; figures of an emulator are no latencies and are left out."""
    first = records[0]
    threads = f"{first.threads} thread{'s' if first.threads > 1 else ''}"
    cpus = f" on processors {', '.join(map(str, first.cpus))}" if first.cpus else ""
    cpus += " (the fastest ones)" if first.cpus_chosen else ""
    console.print()
    names = ", ".join(dict.fromkeys(record.model.name for record in records))
    console.print(f"[bold]{escape(names)} on {escape(first.device)}, {threads}{cpus}[/]", soft_wrap=True)
    _dim(console, _machine(first.machine))
    if not first.machine.emulated:
        console.print()
        _show_times(console, records)
    for comparison in compared:
        console.print(comparison.sentence, style="bold", markup=False, soft_wrap=True)
    if line := _conditions(first):
        _dim(console, line)
    console.print()
    for record in records:
        _show_record(console, record)


def _show_times(console: Console, records: Sequence[Record]) -> None:
    shown = table("milliseconds", *_TIMES, "memory MB", "samples")
    alike = len({record.model.name for record in records}) == 1
    for record in records:
        times, model, memory = record.summary, record.model, record.peak_rss_bytes
        shown.add_row(
            escape(f"{model.target} {model.precision}" if alike else model.title),
            *map(_number, (times.p50_ms, times.p90_ms, times.p99_ms, times.min_ms)),
            *map(_number, (_median(record.cpu), _median(record.alone), record.first_ms, record.load_ms)),
            _number(_median(record.end_to_end)),
            _number(None if memory is None else memory / 1e6),
            str(times.count),
        )
    # On a narrow terminal rows are broken, and nothing is cut.
    shown.width = console.measure(shown, options=console.options.update(max_width=1000)).maximum
    console.print(shown, soft_wrap=True)


def _show_record(console: Console, record: Record) -> None:
    """The engine, its golden sample, and the verdict."""
    engine = record.engine
    delegate = f"{engine.delegate or 'no delegate'}{_share(engine.delegated, engine.operators)}"
    energy = "" if record.energy_mj is None else f"; {record.energy_mj:.1f} mJ of the processor's package"
    title = (
        f"{record.model.title}: {engine.name} {engine.version}, {delegate}; {_golden(record.golden)}{energy}"
    )
    _dim(console, title)
    if not record.machine.emulated:
        for line in _figures(record):
            _dim(console, line)
    reasons = escape("; ".join(record.verdict.doubts))
    if record.machine.emulated:
        console.print(f"[bold yellow]no latency[/] because {reasons}", soft_wrap=True)
    elif record.verdict.trusted:
        console.print("[bold green]trusted[/]")
    else:
        console.print(f"[bold yellow]not trusted[/] because {reasons}", soft_wrap=True)


def _figures(record: Record) -> Iterator[str]:
    """What the table has no room for."""
    if (interval := record.p50_interval) is not None:
        yield f"median {interval.low:.2f} to {interval.high:.2f} ms (95 %, {len(record.launches)} launches)"
    if (stream := record.single_stream) is not None and stream.p90_ms is not None:
        short = "" if stream.enough else ", shorter than MLPerf demands"
        yield f"p90 as MLPerf's single stream {stream.p90_ms:.2f} ms ({stream.queries:,} queries{short})"
    if record.sustained is not None:
        yield record.sustained.words


def _median(times: Percentiles | None) -> float | None:
    return None if times is None else times.p50_ms


def _machine(machine: Machine) -> str:
    """'Raspberry Pi 5 Model B Rev 1.0, Cortex-A76, 4 cores, Debian GNU/Linux 12, Linux 6.6, glibc 2.36'."""
    cores = None if machine.cores is None else f"{machine.cores} cores"
    kernel = None if machine.kernel is None else f"kernel {machine.kernel}"
    known = (machine.board, machine.processor or machine.architecture, cores, machine.system, kernel)
    return ", ".join(word for word in (*known, machine.libc, machine.software) if word)


def _conditions(record: Record) -> str:
    """From before to after, as far as it is known."""
    before, after = record.before or Conditions(""), record.after or Conditions("")
    governors = sorted({*(before.governors or ()), *(after.governors or ())} - {""})
    told = [
        f"governor {' and '.join(governors)}" if governors else "governor unknown",
        _change("{:.0f} MHz", _highest(before.frequencies_mhz), _highest(after.frequencies_mhz)),
        _change("{:.0f} °C", _hottest(before), _hottest(after)),
        _change("{:#x}", before.throttled, after.throttled, "throttle bits "),
        _change("{:.1f}", before.load, after.load, "load "),
        None if record.others is None else f"others took {100 * record.others:.1f} % of the processors",
    ]
    return ", ".join(word for word in told if word)


def _highest(values: Sequence[float] | None) -> float | None:
    return max(values or (), default=None)


def _hottest(conditions: Conditions) -> float | None:
    return max((conditions.temperatures_c or {}).values(), default=None)


def _change(form: str, before: float | None, after: float | None, name: str = "") -> str | None:
    """'load 0.2', or 'load 0.2 to 1.1' where it changed."""
    words = dict.fromkeys(form.format(value) for value in (before, after) if value is not None)
    return name + " to ".join(words) if words else None


def _golden(golden: GoldenRun | None) -> str:
    if golden is None:
        return "golden sample not checked"
    if golden.max_rel == 0:
        return "golden sample exact"
    if golden.max_lsb is not None:
        return f"golden sample within {golden.max_lsb:.0f} LSB"
    return f"golden sample within {golden.max_rel:.1e} (relative)"


def _share(taken: int | None, operators: int | None) -> str:
    """' took 64 of 66 operators'."""
    if taken is None:
        return "" if operators is None else f", {operators} operators"
    return f" took {taken} operators" if operators is None else f" took {taken} of {operators} operators"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _dim(console: Console, line: str) -> None:
    console.print(line, style="dim", markup=False, soft_wrap=True)
