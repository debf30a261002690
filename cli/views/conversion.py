"""What a conversion and a verification show: a short table, the verdicts, and what was tried."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...export.precision import Precision
from ...models.errors import EdgewiseError
from ...models.printable import printable
from ...pipeline.conversion import Conversion
from ...pipeline.failures import Failure
from ...pipeline.product import Product
from ...pipeline.recovery import Recovery
from ...pipeline.steps import GateError
from ...pipeline.verify import VerifiedBundle
from ...pipeline.workshop import Twin
from ...quantize.refine.sensitivity import LayerError
from ...runtime.bench.latency import Pace, reasons
from ...runtime.bench.timing import Percentiles
from ...runtime.judge.drop import Verdict
from ...runtime.judge.stats import Accuracy
from ...runtime.judge.verdict import Verification
from ..terminal import Terminal, table

_COLOURS = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.UNPROVEN: "yellow",
}
_WORST_LAYERS = 8
_WORST_CLASSES = 3


def show_conversion(console: Console, conversion: Conversion) -> None:
    """A table of all files; for each product its recovery, agreement, verdict and folder."""
    console.print()
    console.print(_files(conversion.products))
    console.print()
    origin = conversion.products[0].twin.artifact.spec.origin
    lines = [f"weights: {origin.description} (sha256 {origin.sha256[:12]})"]
    lines += dict.fromkeys(_parity(product.twin) for product in conversion.products)
    if skipped := conversion.products[0].verification.skipped:
        lines.append(f"{skipped} pictures could not be read and were skipped")
    for line in lines:
        console.print(f"[dim]{escape(line)}[/]", soft_wrap=True)
    if told := _same_pictures(conversion.products):
        console.print(f"[dim]{told}[/]")
    for product in conversion.products:
        if len(conversion.products) + len(conversion.failures) > 1:
            console.print(f"\n[bold]{product.title}[/]")
        show_recovery(console, product.recovery)
        show_agreement(console, product)
        show_fidelity(console, product)
        show_accuracy(console, product.verification, product.precision)
        show_stability(console, product)
        show_pace(console, product)
        show_verdict(console, product.verification)
        if product.bundle is not None:
            console.print(f"{escape(str(product.bundle.folder))}/", soft_wrap=True)
    show_failures(console, conversion.failures)


def show_failures(console: Console, failures: Sequence[Failure]) -> None:
    """What is not written: why, the layers that lose most, and what was tried."""
    for failure in failures:
        console.print(f"\n[bold]{failure.title}[/]")
        show_failed(console, failure.error)
        console.print(f"[bold red]FAILED[/] {escape(failure.message)}", soft_wrap=True)


def show_failed(console: Console, error: EdgewiseError) -> None:
    """The layers that lose most and what was tried, where an accuracy gate failed; and the page about it."""
    if isinstance(error, GateError):
        show_layers(console, error.layers)
        show_recovery(console, error.recovery)
    if error.report is not None:
        console.print(f"[bold yellow]! its report: {escape(str(error.report))}[/]", soft_wrap=True)


def _same_pictures(products: Sequence[Product]) -> str | None:
    """That a search took pictures from all files alike, where it did."""
    counts = {product.verification.agreement.count for product in products}
    if len(counts) > 1 or not any(product.recovery and product.recovery.chosen for product in products):
        return None
    return f"every row is judged by the same {counts.pop():,} pictures, which no search has seen"


def _files(products: Sequence[Product]) -> Table:
    """Size, accuracy and latency of every product, and of each float model before its first product."""
    shown = table("", "", "size", "top-1", "top-5", "pictures", "latency", left=2)
    twins: set[str] = set()
    for product in products:
        exact, verification, latency = product.twin, product.verification, product.latency
        own, size = verification.quantized_accuracy, product.file.structure.size_bytes
        count = f"{verification.agreement.count:,}"
        if latency is None:
            continue
        if exact.artifact.target not in twins:
            twins.add(exact.artifact.target)
            before = verification.float_accuracy if product.quantized else own
            cells = _megabytes(exact.structure.size_bytes), *_accuracy(before)
            shown.add_row(
                exact.artifact.target, exact.artifact.precision, *cells, count, _milliseconds(latency.float)
            )
        if latency.quantized is not None:
            cells = _megabytes(size), *_accuracy(own)
            artifact, times = product.file.artifact, _milliseconds(latency.quantized)
            shown.add_row(artifact.target, artifact.precision, *cells, count, times)
    return shown


def show_agreement(console: Console, product: Product) -> None:
    """How a product agrees with its float model."""
    if not product.quantized:
        return
    verification, agreed = product.verification, product.verification.agreement
    line = (
        f"{product.file.artifact.precision} against fp32: top-1 agreement {100 * agreed.top1:.1f} % of "
        f"{agreed.count} {verification.pictures}, SQNR {agreed.sqnr_db:.1f} dB, cosine {agreed.cosine:.4f} "
        f"(worst picture: {verification.worst_picture}, {agreed.worst_cosine:.4f})"
    )
    console.print(f"[dim]{escape(line)}[/]", soft_wrap=True)


def show_fidelity(console: Console, product: Product) -> None:
    """That an INT8 file keeps less than INT8 must, if so: whatever the verdict, it is an error of ours."""
    if product.fidelity is not None and product.fidelity.suspicious:
        console.print(f"[bold red]SUSPICIOUS[/] {escape(product.fidelity.complaint())}", soft_wrap=True)


def show_accuracy(console: Console, verification: Verification, precision: Precision) -> None:
    """Top-1 of the float model and of the file, on how many pictures, and which classes got worse."""
    exact, own = verification.float_accuracy, verification.quantized_accuracy
    if exact is None or own is None:
        line = f"top-1 was not measured: {verification.pictures} have no labels"
    elif precision is Precision.FP32:
        line = f"top-1 of {precision} {own.text} on {own.count} pictures"
    else:
        line = f"top-1 of fp32 {exact.text}, of {precision} {own.text} on {own.count} pictures"
    worse = [change for change in verification.classes if change.lost > change.gained][:_WORST_CLASSES]
    if worse:
        named = (f"{change.name} loses {change.lost} of {change.count}" for change in worse)
        line += f"; worst classes: {', '.join(named)}"
    console.print(f"[dim]{escape(line)}[/]", soft_wrap=True)


def show_stability(console: Console, product: Product) -> None:
    """How far the files differ that are calibrated with either half of the pictures."""
    if product.stability is not None:
        console.print(f"[dim]{product.stability.text}[/]", soft_wrap=True)


def show_verdict(console: Console, verification: Verification) -> None:
    """PASS, FAIL, INCONCLUSIVE or UNPROVEN, whether that is estimated, and why."""
    colour = _COLOURS[verification.verdict]
    reason = escape(verification.reason())
    console.print(f"[bold {colour}]{verification.title}[/] {reason}", soft_wrap=True)


def show_pace(console: Console, product: Product) -> None:
    """How fast the file is compared to its float model, and possible reasons if it is not faster."""
    latency, artifact = product.latency, product.file.artifact
    if latency is None or latency.speedup is None:
        return
    ratio = latency.speedup
    line = (
        f"{artifact.precision} is {ratio.ratio:.2f} times as fast as fp32 here "
        f"(95 % interval {ratio.interval.low:.2f} to {ratio.interval.high:.2f}; CPU time, one thread)"
    )
    why = "; ".join(reasons(product.file.structure))
    integer = artifact.precision.integer  # the others are not expected to be faster
    if latency.pace is Pace.SLOWER or (latency.pace is Pace.ALIKE and integer):
        slow = "SLOWER than float" if latency.pace is Pace.SLOWER else "no faster than float"
        told = escape(f"{line}: {why}" if why else line)
        console.print(f"[bold yellow]{slow}[/] {told}", soft_wrap=True)
    else:
        console.print(f"[dim]{escape(line)}[/]", soft_wrap=True)


def show_verified(console: Console, found: VerifiedBundle) -> None:
    """What `edgewise verify` found."""
    check = found.golden
    distance = "exact" if check.max_rel == 0 else f"relative difference {check.max_rel:.1e}"
    if check.max_lsb:
        distance = f"within {check.max_lsb:.0f} LSB"
    console.print(f"{len(found.bundle.manifest['files'])} files match the manifest's checksums")
    console.print(f"golden sample: {distance}; cosine with the original network {check.cosine:.4f}")
    console.print(f"fp32 against the original network: relative difference {check.parity.max_rel:.1e}")
    if (board := found.board) is not None:
        told = f"{board.identical} of {board.pictures} answers are this machine's to the bit"
        if board.identical < board.pictures:
            told += f", {board.same_class} have its best class; the largest difference is {board.max_rel:.1e}"
        where = f"{board.device}: " if board.board is None else f"{board.device} ({printable(board.board)}): "
        console.print(f"{where}{told}", markup=False, soft_wrap=True)
    if found.verification is not None:
        show_accuracy(console, found.verification, found.bundle.precision)
        show_verdict(console, found.verification)


@contextmanager
def reporting(screen: Terminal) -> Iterator[None]:
    """Show on stderr the worst layers and the attempts if nothing passes the gates in the block."""
    try:
        yield
    except EdgewiseError as error:
        if error.conversion:
            show_failures(screen.console, error.conversion.failures)
        else:
            show_failed(screen.console, error)
        raise


def show_recovery(console: Console, recovery: Recovery | None) -> None:
    """The attempts: agreement with the float model, latency and size; a star marks the Pareto front."""
    if recovery is None:
        return
    shown = table("attempt", "drop", "agreement", "SQNR", "latency", "size", "")
    for trial in recovery.trials:
        found, latency = trial.verification, trial.latency.quantized or trial.latency.float
        drop = _drop(found)
        agreement = f"{100 * found.agreement.top1:.1f} %"
        star = "*" if trial in recovery.best else ""
        shown.add_row(
            trial.rung.title,
            drop,
            agreement,
            f"{found.agreement.sqnr_db:.1f} dB",
            _milliseconds(latency),
            _megabytes(trial.file.structure.size_bytes),
            "chosen" if trial is recovery.chosen else star,
        )
    console.print(shown)
    count = recovery.trials[0].verification.agreement.count
    note = "; ~ is estimated" if recovery.trials[0].verification.estimate else ""
    console.print(
        f"[dim]on {count} pictures that are not used for the verdict; * marks the Pareto front{note}[/]"
    )


def show_layers(console: Console, layers: Sequence[LayerError]) -> None:
    """The layers whose output has the largest error in INT8, worst first."""
    if not layers:
        return
    shown = table("worst layers", "operator", "output", "SQNR alone", "SQNR accumulated", left=3)
    for layer in layers[:_WORST_LAYERS]:
        shape = "x".join(map(str, layer.shape))
        losses = f"{layer.sqnr_db:.1f} dB", f"{layer.through_db:.1f} dB"
        shown.add_row(escape(layer.name), layer.operator, shape, *losses)
    console.print(shown)


def _drop(found: Verification) -> str:
    """The drop in points, marked where it is estimated."""
    if found.estimate is not None:
        return f"~{found.estimate.points:.2f}"
    return f"{found.drop.points:.2f}" if found.drop else "-"


def _parity(twin: Twin) -> str:
    found = twin.parity
    return (
        f"{twin.artifact.target} fp32 against {twin.original}: largest difference "
        f"{found.max_abs:.1e} (relative {found.max_rel:.1e}), top-1 agreement {100 * found.top1:.1f} % "
        f"of {found.count}"
    )


def _accuracy(found: Accuracy | None) -> tuple[str, str]:
    return ("-", "-") if found is None else (f"{100 * found.top1:.2f} %", f"{100 * found.top5:.2f} %")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


def _milliseconds(times: Percentiles) -> str:
    return f"{times.p50_ms:.2f} ms"
