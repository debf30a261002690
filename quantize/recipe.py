"""How a network is to become INT8: plain data that every target's quantizer understands."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from ..export.precision import Precision

RANGES = ("min-max", "mean-min-max")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to do before and while quantizing weights, and activations, to INT8.

    Without `activations` only the weights become INT8, and the arithmetic stays in float. `io` types the
    model's ends, where the target lets one choose. `per_channel` gives every output channel of a weight its
    own scale, else the whole tensor has one. `ranges` is how the range of an activation follows from the
    calibration pictures: the smallest and the largest value of all, or the mean of those of each picture
    (in TFLite an exponential moving one), which clips rare values. `equalize` and `correct` prepare the
    network itself. `float_layers`, by the names of their modules, compute in float32.
    """

    activations: bool = True
    io: str = "float32"
    per_channel: bool = True
    ranges: str = "min-max"
    equalize: bool = True
    correct: bool = True
    float_layers: tuple[str, ...] = ()

    @property
    def precision(self) -> Precision:
        """What comes of it: `MIXED` where layers stay in float."""
        if not self.activations:
            return Precision.W8A32
        return Precision.MIXED if self.float_layers else Precision.W8A8

    def weights_alone(self) -> "Recipe":
        """The same without INT8 activations; where the arithmetic is float, the rest need not be spared."""
        return replace(self, activations=False, io="float32", per_channel=True, float_layers=())

    def to_json(self) -> dict[str, Any]:
        """Plain data for a manifest."""
        return asdict(self)
