"""What an inspection shows."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...models.printable import printable
from ...pipeline.inspection import Inspection
from ...runtime.bundle import Bundle
from ...runtime.structure import Structure, Tensor
from ..terminal import table

_LONGEST = 200  # characters of a value: metadata may contain a thousand classes


def _show_bundle(console: Console, bundle: Bundle) -> None:
    """The network and the verdict of a bundle, from its manifest."""
    origin, verdict = bundle.spec.origin, "none"
    if bundle.verification:
        verdict = _verdict(bundle.verification)
    rows = [
        ("bundle", f"{bundle.name}, {bundle.target}, {bundle.precision}"),
        ("weights", f"{origin.description} ({origin.source}, sha256 {origin.sha256[:12]})"),
        ("verdict", verdict),
    ]
    _show_rows(console, rows)


def _verdict(verification: dict[str, Any]) -> str:
    """The verdict, whether it is estimated, and the pictures it rests on; older manifests have no basis."""
    estimated = " (estimated)" if verification.get("basis") == "estimated" else ""
    return f"{verification['verdict']}{estimated}, by {verification['pictures']}"


def show_inspection(console: Console, found: Inspection) -> None:
    """The figures of a file, its metadata and its operators; for a bundle also its verdict."""
    if found.bundle:
        _show_bundle(console, found.bundle)
    structure = found.structure
    _show_rows(console, [("file", f"{found.file.name}, {found.target}"), *_facts(found)])
    _show_rows(console, [(f"metadata {key}", value) for key, value in structure.metadata.items()])
    console.print(_operators(structure))
    if found.refusal:
        console.print(f"\nedgewise cannot classify pictures with it: {found.refusal}", markup=False)


def _facts(found: Inspection) -> Iterator[tuple[str, str]]:
    """The figures of a file, each in words."""
    structure = found.structure
    stored = ", ".join(f"{count:,} {kind}" for kind, count in structure.weights.items()) or "none"
    yield "precision", structure.precision
    yield "size", f"{structure.size_bytes / 1e6:.2f} MB"
    yield "parameters", f"{sum(structure.weights.values()):,} ({stored})"
    yield "MACs", "unknown" if structure.macs is None else f"{structure.macs:,} for one picture"
    for side, tensors in ("input", structure.inputs), ("output", structure.outputs):
        for tensor in tensors:
            yield side, _end(tensor)
    if structure.integer:
        islands = ", ".join(f"{count} {name}" for name, count in structure.islands.items())
        yield "float islands", islands or "none"
        yield "on x86 without VNNI", _overflow(structure)
        if found.observed:
            yield "", found.observed.text
    if structure.partitions is not None:
        pieces = f"{structure.partitions} piece{'s' * (structure.partitions != 1)}"
        yield "XNNPACK", f"{pieces}, {'the whole model' if structure.whole else 'not the whole model'}"


def _overflow(structure: Structure) -> str:
    """Whether INT8 products can exceed 16 bits, and in which layer most."""
    if not structure.overflow:
        return "the same: no pair of INT8 products can exceed 16 bits"
    layers = structure.overflow
    most = max(layers, key=lambda layer: layer.pairs or 0)
    sums = "" if most.largest is None else f", up to {most.largest:,}"
    pairs = (
        "an unknown number of pairs"
        if most.pairs is None
        else f"{most.pairs:,} pair{'s' * (most.pairs != 1)}"
    )
    return (
        f"can saturate: products exceed 16 bits in {len(layers)} layer{'s' * (len(layers) != 1)}, "
        f"most in {most.layer} ({pairs}{sums})"
    )


def _end(tensor: Tensor) -> str:
    shape = " x ".join("?" if side < 0 else str(side) for side in tensor.shape) or "scalar"
    scale = "" if tensor.scale is None else f", scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
    return f"{tensor.name}: {tensor.dtype}, {shape}{scale}"


def _operators(structure: Structure) -> Table:
    shown = table("operator", "arithmetic", "count", left=2)
    for operator in sorted(structure.operators, key=lambda found: (-found.count, found.type)):
        shown.add_row(_safe(operator.type), operator.arithmetic, str(operator.count))
    return shown


def _show_rows(console: Console, rows: list[tuple[str, str]]) -> None:
    width = max((len(heading) for heading, _ in rows), default=0)
    for heading, value in rows:
        console.print(f"[dim]{_safe(heading.ljust(width))}[/]   {_safe(value)}")
    if rows:
        console.print()


def _safe(text: str) -> str:
    """`text` of a foreign file, shortened and without control characters."""
    text = printable(text)
    return escape(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
