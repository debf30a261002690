"""What `edgewise models` shows: a line for each network, or all about one."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from ...models.complexity import Complexity, Savings
from ...models.sizes import written
from ...models.zoo import Architecture
from ..terminal import table

if TYPE_CHECKING:
    from rich.table import Table

    from ...models.spec import Preprocess

_CLASSES = 1000  # of ImageNet, for which figures are published
_WIDEST = 1000  # characters per line: a terminal wraps lines, a pipe should not


@dataclass(frozen=True, slots=True)
class Counted:
    """A network with what was counted; `in_training` are its parameters where training needs more of them."""

    row: Architecture
    cost: Complexity
    in_training: int | None
    weights: str | None
    preprocess: "Preprocess"

    @property
    def deviation(self) -> dict[str, float] | None:
        """Percent above what was published, where that is for this size and these classes."""
        row, cost = self.row, self.cost
        if not (row.parameters and row.macs) or (cost.size, cost.classes) != (row.size, _CLASSES):
            return None
        pairs = {"parameters": cost.parameters / row.parameters, "macs": cost.macs / row.macs}
        return {what: 100 * (ratio - 1) for what, ratio in pairs.items()}

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "architecture": asdict(self.row),
            "counted": asdict(self.cost),
            "parameters_in_training": self.in_training,
            "deviation_percent": self.deviation,
            "weights": self.weights,
            "preprocess": asdict(self.preprocess),
        }


def listing(rows: Iterable[Architecture]) -> str:
    """All networks as they were published."""
    shown = table("name", "library", "arXiv", "year", "pixels", "M parameters", "GMACs", "top-1", left=3)
    for row in rows:
        shown.add_row(
            row.name,
            row.library,
            row.paper or "-",
            str(row.year or "-"),
            written(row.size),
            _millions(row.parameters),
            _thousand_millions(row.macs),
            "-" if row.top1 is None else f"{row.top1:.1f} %",
        )
    return _text(shown)


def lines(counted: Counted) -> Iterator[str]:
    """One network for a person."""
    facts = dict(_facts(counted))
    yield from (f"{heading:{max(map(len, facts))}}   {value}" for heading, value in facts.items())
    yield f"\n{_text(_totals(counted))}"
    if counted.row.parameters and not counted.deviation:
        yield f"published for {written(counted.row.size)} pixels and {_CLASSES} classes, so not comparable"
    if counted.in_training:
        yield f"with the auxiliary heads that only training needs: {counted.in_training:,} parameters"
    yield f"\n{_text(_kinds(counted.cost))}"
    if counted.cost.savings:
        yield ""
        yield from _saved(counted.cost, counted.cost.savings)


def _facts(counted: Counted) -> Iterator[tuple[str, str]]:
    row = counted.row
    options = "".join(f", {option}={value}" for option, value in row.options)
    yield "network", f"{row.title}{f', {row.year}' if row.year else ''}"
    if row.paper:
        yield "paper", f"https://arxiv.org/abs/{row.paper}"
    if row.top1 is not None:
        yield "top-1", f"{row.top1:.1f} % of ImageNet, as published"
    yield "builder", f"{row.library}:{row.builder}{options}"
    yield "weights", counted.weights or "none published; train it, or pass --weights PATH"
    yield "preprocessing", counted.preprocess.text


def _totals(counted: Counted) -> "Table":
    row, cost, deviation = counted.row, counted.cost, counted.deviation
    heading = f"{written(cost.size)} pixels, {cost.classes} classes"
    if not deviation:
        shown = table(heading, "counted")
        shown.add_row("parameters", f"{cost.parameters:,}")
        shown.add_row("MACs", f"{cost.macs:,}")
        return shown
    shown = table(heading, "counted", "published", "deviation")
    parameters, macs = (f"{percent:+.1f} %" for percent in deviation.values())
    shown.add_row("parameters", f"{cost.parameters:,}", f"{_millions(row.parameters)} M", parameters)
    shown.add_row("MACs", f"{cost.macs:,}", f"{_thousand_millions(row.macs)} G", macs)
    return shown


def _kinds(cost: Complexity) -> "Table":
    shown = table("type of layer", "parameters", "", "MACs", "")
    for kind, own in cost.kinds.items():
        cells = _share(own.parameters, cost.parameters), f"{own.macs:,}", _share(own.macs, cost.macs)
        shown.add_row(kind, f"{own.parameters:,}", *cells)
    return shown


def _saved(cost: Complexity, savings: Savings) -> Iterator[str]:
    """What depthwise separable convolutions save, in total and in the first of them."""
    first = savings.blocks[0]
    depthwise, pointwise = first.area * first.channels, first.channels * first.outputs
    yield (
        f"{len(savings.blocks)} depthwise separable convolutions; with standard convolutions instead, it "
        f"would have {savings.parameters:,} parameters "
        f"({savings.parameters / cost.parameters:.1f} times as many) "
        f"and {savings.macs:,} MACs ({savings.macs / cost.macs:.1f} times as many)."
    )
    yield (
        f"The first has K² = {first.area}, Cin = {first.inputs}, Cout = {first.outputs}: {depthwise:,} + "
        f"{pointwise:,} MACs per position, instead of K²·Cin·Cout = {first.standard_weights:,}."
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _millions(value: float | None) -> str:
    return "-" if value is None else f"{value / 1e6:.3g}"


def _thousand_millions(value: float | None) -> str:
    return "-" if value is None else f"{value / 1e9:.3g}"


def _text(shown: "Table") -> str:
    from rich.console import Console

    console = Console(file=StringIO(), width=_WIDEST, color_system=None)
    with console.capture() as captured:
        console.print(shown)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
