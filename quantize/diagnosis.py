"""Why an INT8 file loses accuracy, and which other forms are worth trying, in which order.

The figures are cheap to measure on the failed file. Without them, forms are ordered by cost at inference.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from .recipe import Recipe

_SATURATES_DB = 6.0  # exact arithmetic leaves at most a quarter of the error
_DOMINATES_DB = 3.0  # twice the error
_NEGLIGIBLE_DB = 10.0  # a tenth of the error
_OUTLIER = 4.0  # times the median; ordinary photographs reach about twice the median
_FEW, _MOST = 8, 0.6  # MobileNetV2 with one scale a weight: 67 %, and a few layers in float cure it
LAYERS_FOR_ONE = 4  # a quarter may stay in float


class Cure(StrEnum):
    """What can be changed about a file that loses too much. As a string it is what a sentence calls it."""

    NO_OVERFLOW = "weights that cannot overflow"
    RANGES = "other ranges"
    ROUNDING = "learned rounding"
    REFINEMENT = "other refinement"
    FLOAT_LAYERS = "layers in float"
    WEIGHTS_ALONE = "INT8 weights alone"


@dataclass(frozen=True, slots=True)
class LayerShare:
    """A layer, and its part of the summed errors of all layers, from 0 to 1."""

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class Symptoms:
    """What was measured of a failed file; SQNRs in dB are medians over pictures, of the logits.

    `engine_db` is the file as it was judged, `exact_db` with its products added in 32 bits. `weights_db` and
    `activations_db` are simulated, with only these in INT8; None and no `layers` for a network that is no
    graph of PyTorch. `layers` come worst first. `peak_ratio` is the largest logit of the most extreme
    calibration picture over that of the median picture.
    """

    engine_db: float
    exact_db: float
    weights_db: float | None
    activations_db: float | None
    layers: tuple[LayerShare, ...]
    peak_ratio: float

    @property
    def saturates(self) -> bool:
        """Whether the processor's arithmetic is to blame, not the file."""
        return self.exact_db - self.engine_db > _SATURATES_DB

    @property
    def has_outliers(self) -> bool:
        """Whether a few pictures stretch the ranges for all others."""
        return self.peak_ratio > _OUTLIER

    @property
    def lead_db(self) -> float:
        """By how much activations keep more than weights do; 0 where that is unknown."""
        if self.weights_db is None or self.activations_db is None:
            return 0.0
        return self.activations_db - self.weights_db

    @property
    def few(self) -> tuple[int, float]:
        """An eighth of the layers, at least one, and what the worst of that number have of the error."""
        count = max(1, len(self.layers) // _FEW)
        return count, sum(layer.share for layer in self.layers[:count])

    @property
    def concentrated(self) -> bool:
        """Whether few layers, which may stay in float, carry most of the error."""
        return len(self.layers) >= LAYERS_FOR_ONE and self.few[1] >= _MOST

    def to_json(self) -> dict[str, Any]:
        """Plain data for a manifest, without the layers that hardly count."""
        return asdict(self) | {"layers": [asdict(layer) for layer in self.layers[: self.few[0]]]}


@dataclass(frozen=True, slots=True)
class Part:
    """A step of the ladder and, in one sentence without an end, why it comes where it does."""

    step: Cure
    reason: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps in the order in which they are tried, and sentences on what is left out."""

    parts: tuple[Part, ...]
    skipped: tuple[str, ...] = ()


def plan(found: Symptoms | None, recipe: Recipe, *, refines: bool = True) -> Ladder:
    """What to try where `recipe` made a file that loses too much.

    Without `refines` the network is no graph of PyTorch: neither its weights nor single layers can be treated
    otherwise.
    """
    if found is not None and found.saturates and recipe.no_overflow:
        return Ladder(
            (Part(Cure.WEIGHTS_ALONE, _saturation(found)),),
            ("No other form with INT8 activations is tried: weights are rounded against overflow already",),
        )
    left_out = _left_out(found, recipe, refines=refines)
    order = [step for step in _order(found) if step not in left_out]
    reasons = {step: _reason(step, found) for step in order}
    skipped = [*dict.fromkeys(left_out.values())]
    if not recipe.per_channel and (found is None or found.lead_db > _DOMINATES_DB):
        skipped.append("One scale per output channel, the usual cure, is not tried: per_tensor rules it out")
    return Ladder(tuple(Part(step, reasons[step]) for step in order), tuple(skipped))


def _order(found: Symptoms | None) -> list[Cure]:
    """What the figures blame comes first; the rest by its cost at inference."""
    first: list[Cure] = []
    if found is not None and found.saturates:
        first.append(Cure.NO_OVERFLOW)
    if found is not None and found.has_outliers:
        first.append(Cure.RANGES)
    if found is not None and found.concentrated:
        first += [Cure.ROUNDING, Cure.FLOAT_LAYERS]
    if found is not None and found.lead_db > _DOMINATES_DB:
        first += [Cure.ROUNDING, Cure.REFINEMENT, Cure.FLOAT_LAYERS]
    cheapest = [Cure.RANGES, Cure.ROUNDING, Cure.REFINEMENT, Cure.FLOAT_LAYERS, Cure.WEIGHTS_ALONE]
    return [*dict.fromkeys([*first, *cheapest])]


def _left_out(found: Symptoms | None, recipe: Recipe, *, refines: bool) -> dict[Cure, str]:
    """The steps that cannot help, each with the sentence that says why."""
    left: dict[Cure, str] = {}
    if not refines:
        why = "Other refinement and layers in float are not tried: the network is no graph of PyTorch"
        return dict.fromkeys((Cure.ROUNDING, Cure.REFINEMENT, Cure.FLOAT_LAYERS), why)
    if recipe.learn:
        left[Cure.ROUNDING] = "Learned rounding is not tried again: the file has it already"
    elif not recipe.correct:
        left[Cure.ROUNDING] = "Learned rounding is not tried: it needs bias correction, which is off"
    if found is None:
        return left
    if 0 < len(found.layers) < LAYERS_FOR_ONE:
        count = len(found.layers)
        left[Cure.FLOAT_LAYERS] = f"No layer is left in float: one of {count} would be more than a quarter"
    if found.lead_db > _NEGLIGIBLE_DB and not found.has_outliers:
        left[Cure.RANGES] = f"Other ranges are not tried: {_sources(found)}"
        if recipe.per_channel and not recipe.no_overflow:
            left[Cure.WEIGHTS_ALONE] = "INT8 weights alone are not tried: they are the same weights"
    return left


def _reason(step: Cure, found: Symptoms | None) -> str:
    if found is not None:
        blamed = _blamed(step, found)
        if blamed:
            return blamed
    return _BY_COST[step]


def _blamed(step: Cure, found: Symptoms) -> str | None:
    """The figure for which `step` comes early; None if it only has its place in the order of costs."""
    if step is Cure.NO_OVERFLOW:
        return _saturation(found)
    if step is Cure.RANGES and found.has_outliers:
        return (
            f"the largest logit of one calibration picture is {found.peak_ratio:.1f} times that of the "
            "median picture, so a few pictures stretch the ranges"
        )
    if step is Cure.RANGES and found.lead_db < -_DOMINATES_DB:
        return f"activations lose most: {_sources(found)}"
    if step is Cure.FLOAT_LAYERS and found.layers:
        count, share = found.few
        layers = "layer carries" if count == 1 else f"{count} layers carry"
        named = f"the worst {layers} {100 * share:.0f} % of the error of {len(found.layers)}"
        return f"{named}, {found.layers[0].name} the most"
    if step in {Cure.ROUNDING, Cure.REFINEMENT} and found.lead_db > _DOMINATES_DB:
        return f"weights lose most: {_sources(found)}"
    return None


_BY_COST = {
    Cure.RANGES: "they cost neither size nor speed",
    Cure.ROUNDING: "it costs neither size nor speed",
    Cure.REFINEMENT: "it costs neither size nor speed",
    Cure.FLOAT_LAYERS: "they cost some size and speed",
    Cure.WEIGHTS_ALONE: "float activations keep the accuracy, but not the speed",
}


def _saturation(found: Symptoms) -> str:
    return (
        f"this processor's arithmetic saturates: SQNR {found.engine_db:.1f} dB, and {found.exact_db:.1f} dB "
        "with products added in 32 bits"
    )


def _sources(found: Symptoms) -> str:
    return (
        f"SQNR {found.weights_db:.1f} dB with only the weights in INT8, {found.activations_db:.1f} dB with "
        "only the activations (simulated)"
    )
