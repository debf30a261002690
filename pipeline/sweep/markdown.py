"""The table of a sweep in Markdown, with how to read it: `benchmarks/zoo.md` is one."""

from collections.abc import Iterator

from ...models.printable import printable
from .figures import SweepRow, SweptFile
from .run import Sweep

_HEADINGS = (
    "network",
    "pixels",
    "target",
    "precision",
    "parity",
    "MB float",
    "MB",
    "top-1",
    "drop",
    "SQNR",
    "agreement",
    "INT8 operators",
    "ms",
    "faster",
    "MB of memory",
    "verdict",
)
_ABOUT = """- parity: largest difference of the float file from the network, relative to the largest output.
- top-1: accuracy on labelled pictures, with its 95 % interval; drop: points lost against the float file.
- SQNR, agreement: INT8 against float logits, and how often the answers agree.
- INT8 operators: computing operators that use integer arithmetic; w8a32 converts inside an operator.
- ms: median on the clock, of interleaved runs in several processes, with its 95 % interval; faster: float
  time over this file's, with a 95 % interval. Timed alone, after everything was made.
- MB of memory: peak growth of a process that opens and runs the file.
"""


def markdown(sweep: Sweep, command: str) -> str:
    """The whole page; `command` is what wrote it."""
    versions = ", ".join(f"{name} {version}" for name, version in sweep.versions.items())
    machine = f"{sweep.machine.get('processor')}, {sweep.machine.get('isa')}"
    devices = sorted(
        {
            f"{time.device} ({time.processor}, {time.threads} thread{'s' * (time.threads > 1)})"
            for row in sweep.rows
            for time in row.times
        }
    )
    measured = f"Times on {'; '.join(devices)}." if devices else "Nothing was timed."
    lines = [
        "# Networks on their targets",
        "",
        f"Written by `{command}`; {machine}; {versions}. {measured}",
        "",
        _ABOUT,
        *(f"- weights of {name}: {_cell(weights)}" for name, weights in _weights(sweep)),
        "",
        _line(_HEADINGS),
        _line(("---",) * len(_HEADINGS)),
        *(_line(_cells(row)) for row in sweep.rows),
    ]
    return "\n".join(lines) + "\n"


def _weights(sweep: Sweep) -> list[tuple[str, str]]:
    """The weights of each network: one line where they are all of one kind."""
    found = {row.network: row.file.weights for row in sweep.rows if row.file is not None}
    if len(set(found.values())) == 1 and len(found) > 1:
        return [("all networks", next(iter(found.values())))]
    return [*found.items()]


def _cells(row: SweepRow) -> Iterator[str]:
    file = row.file
    if file is None:
        told = row.failure.message if row.failure else "unknown"
        yield from (row.network, "", row.target, row.requested, *[""] * (len(_HEADINGS) - 5), told)
        return
    quantized = file.precision != "fp32"
    time = row.times[0] if row.times else None
    speedup = time.speedup if time else None
    memory = time.peak_rss_bytes if time else None
    yield from (row.network, file.pixels, row.target, file.precision, f"{file.parity:.0e}")
    yield from (f"{file.float_size_bytes / 1e6:.1f}", f"{file.size_bytes / 1e6:.1f}", _top1(file))
    yield _drop(file) if quantized else ""
    yield f"{file.sqnr_db:.1f} dB" if quantized else ""
    yield f"{100 * file.agreement.value:.1f} %" if quantized else ""
    yield f"{file.integer_operators} of {file.operators}"
    between = f" ({time.low_ms:.2f} to {time.high_ms:.2f})" if time and time.low_ms and time.high_ms else ""
    yield f"{time.p50_ms:.2f}{between}" if time else ""
    yield f"{speedup.value:.2f} ({speedup.low:.2f} to {speedup.high:.2f})" if speedup else ""
    yield f"{memory / 1e6:.1f}" if memory is not None else ""
    yield file.verdict.upper() if quantized else ""


def _drop(file: SweptFile) -> str:
    lost = file.drop
    return "" if lost is None else f"{lost.value:+.2f} ({lost.low:+.2f} to {lost.high:+.2f})"


def _top1(file: SweptFile) -> str:
    if file.top1 is None:
        return ""
    low, high = 100 * file.top1.low, 100 * file.top1.high
    return f"{100 * file.top1.value:.1f} % ({low:.1f} to {high:.1f})"


def _line(cells: "tuple[str, ...] | Iterator[str]") -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|")
