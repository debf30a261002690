"""What is said at the end: a short table, the verdict, and the same as one JSON document."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..export._artifact import Bundle
from ..runtime.drop import Verdict
from ..runtime.golden import GoldenCheck
from ..runtime.layers import LayerError
from ..runtime.stats import Accuracy
from ..runtime.timing import Percentiles
from ..runtime.verify import Verification
from ._pipeline import Outcome

_COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INCONCLUSIVE: "yellow"}


def show_outcome(console: Console, outcome: Outcome) -> None:
    """Size, accuracy and latency of both files, how they agree, and the verdict."""
    bundle, verification, latency = outcome.bundle, outcome.verification, outcome.latency
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for heading in ("", "size", "top-1", "top-5", "latency"):
        table.add_column(heading, justify="left" if not heading else "right")
    quantized = bundle.reference is not None
    exact = verification.float_accuracy if quantized else verification.quantized_accuracy
    table.add_row("fp32", _megabytes(outcome.float_bytes), *_accuracy(exact), _milliseconds(latency.float))
    if quantized and latency.quantized is not None:
        size = _megabytes(bundle.model.stat().st_size)
        row = _accuracy(verification.quantized_accuracy)
        table.add_row(bundle.precision, size, *row, _milliseconds(latency.quantized))
    console.print()
    console.print(table)
    console.print()
    for line in _lines(outcome):
        console.print(f"[dim]{escape(line)}[/]")
    show_verdict(console, verification)
    console.print(f"{escape(str(bundle.folder))}/", soft_wrap=True)


def show_verdict(console: Console, verification: Verification) -> None:
    """PASS, FAIL or INCONCLUSIVE, and why."""
    colour = _COLOURS[verification.verdict]
    reason = escape(verification.reason())
    console.print(f"[bold {colour}]{verification.verdict.upper()}[/] {reason}", soft_wrap=True)


def show_check(
    console: Console, bundle: Bundle, check: GoldenCheck, verification: Verification | None
) -> None:
    """What `edgewise verify` found."""
    distance = "exact" if check.max_rel == 0 else f"{check.max_rel:.1e} relatively"
    if check.max_lsb:
        distance = f"{check.max_lsb:.0f} LSB at most"
    console.print(f"{len(bundle.manifest['files'])} files have the digests of the manifest")
    console.print(f"golden sample: {distance}; cosine with the original network {check.cosine:.4f}")
    console.print(f"fp32 against the original network: {check.parity.max_rel:.1e} relatively")
    if verification is not None:
        show_verdict(console, verification)


def show_layers(console: Console, layers: list[LayerError]) -> None:
    """The layers whose output lost most, worst first."""
    if not layers:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for heading in ("worst layers", "operator", "output", "SQNR"):
        table.add_column(heading, justify="right" if heading == "SQNR" else "left")
    for layer in layers:
        shape = "x".join(map(str, layer.shape[1:]))
        table.add_row(escape(layer.name), layer.operator, shape, f"{layer.sqnr_db:.1f} dB")
    console.print(table)


def to_json(outcome: Outcome, notices: list[str]) -> dict[str, Any]:
    """The whole outcome as one JSON document: the manifest, where it lies, and what it cost."""
    return {
        "bundle": str(outcome.bundle.folder),
        "verdict": str(outcome.verification.verdict),
        "notices": notices,
        "seconds": {title: round(spent, 3) for title, spent in outcome.seconds.items()},
        "float_size_bytes": outcome.float_bytes,
        "manifest": outcome.bundle.manifest,
    }


def _lines(outcome: Outcome) -> list[str]:
    parity, agreed, found = outcome.parity, outcome.verification.agreement, outcome.structure
    origin = outcome.bundle.spec.origin
    lines = [f"weights: {origin.description} (sha256 {origin.sha256[:12]})"]
    lines.append(
        f"fp32 against PyTorch: {parity.max_abs:.1e} at most ({parity.max_rel:.1e} relatively), "
        f"top-1 agreement {100 * parity.top1:.1f} % of {parity.count}"
    )
    if outcome.bundle.reference is not None:
        lines.append(
            f"w8a8 against fp32: top-1 agreement {100 * agreed.top1:.1f} % of {agreed.count} "
            f"{outcome.verification.pictures}, SQNR {agreed.sqnr_db:.1f} dB, cosine {agreed.cosine:.4f} "
            f"(worst picture: {outcome.verification.worst_picture}, {agreed.worst_cosine:.4f})"
        )
    if outcome.latency.speedup is not None:
        ratio = outcome.latency.speedup
        lines.append(
            f"w8a8 is {ratio.ratio:.2f} times as fast as fp32 here "
            f"(95 % interval {ratio.interval.low:.2f} to {ratio.interval.high:.2f}; CPU time, one thread)"
        )
    if not found.whole:
        lines.append(f"XNNPACK runs {found.partitions} pieces of the model, not the whole: latency suffers")
    if outcome.verification.skipped:
        lines.append(f"{outcome.verification.skipped} pictures could not be read and were left out")
    return lines


def _accuracy(found: Accuracy | None) -> tuple[str, str]:
    return ("-", "-") if found is None else (f"{100 * found.top1:.2f} %", f"{100 * found.top5:.2f} %")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


def _milliseconds(times: Percentiles) -> str:
    return f"{times.p50_ms:.2f} ms"
