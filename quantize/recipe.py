"""The options of quantization, as plain data that every target's quantizer understands."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from ..export.precision import Precision

EFFORTS = ("fast", "default", "best")
RANGES = ("min-max", "mean-min-max", "least-error")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to quantize the weights, and optionally the activations, to INT8.

    Without `activations` only the weights become INT8, and the arithmetic stays in float. `io` is the data
    type of the model's input and output, if the target supports several. With `per_channel`, each output
    channel of a weight has its own scale, otherwise there is one per tensor. `ranges` selects how the range
    of an activation is measured on the calibration pictures: as the minimum and maximum over all pictures,
    or as their mean over pictures, which clips rare values (exponential for TFLite files of Keras networks),
    or so that what is clipped and what is rounded cost the logits least: see `refine/ranges.py`.
    `equalize` and `correct` refine the network first. The modules named in `float_layers` stay in float32.
    With `no_overflow`, weights are rounded so that x86 without VNNI computes the same: see `export/pairs.py`.
    With `learn`, which needs `correct`, weights are rounded by what they do to the output of their layer: see
    `refine/rounding.py`.
    """

    activations: bool = True
    io: str = "float32"
    per_channel: bool = True
    ranges: str = "min-max"
    equalize: bool = True
    correct: bool = True
    float_layers: tuple[str, ...] = ()
    no_overflow: bool = False
    learn: bool = False

    @property
    def precision(self) -> Precision:
        """The resulting precision: `MIXED` if layers stay in float."""
        if not self.activations:
            return Precision.W8A32
        return Precision.MIXED if self.float_layers else Precision.W8A8

    def weights_alone(self) -> "Recipe":
        """The same recipe with INT8 weights only, and without the options for INT8 activations."""
        plain = Recipe()
        return replace(
            plain, activations=False, equalize=self.equalize, correct=self.correct, ranges=self.ranges
        )

    def without_refinement(self) -> "Recipe":
        """The same for a network that cannot be refined, as those of Keras."""
        ranges = RANGES[0] if self.chooses_ranges else self.ranges
        return replace(self, equalize=False, correct=False, learn=False, ranges=ranges)

    @property
    def chooses_ranges(self) -> bool:
        """Whether the ranges of activations are chosen together with the network's refinement."""
        return self.activations and self.ranges == RANGES[2]

    def to_json(self) -> dict[str, Any]:
        """Plain data for a manifest."""
        return asdict(self)
