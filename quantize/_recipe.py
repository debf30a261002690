"""How a network is to become INT8: plain data that every target's quantizer understands."""

from dataclasses import asdict, dataclass
from typing import Any

RANGES = ("min-max", "moving-average")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to do before and while quantizing weights and activations to INT8.

    `io` types the model's ends, where the target lets one choose. `per_channel` gives every output channel of
    a weight its own scale, else the whole tensor has one. `ranges` is how the range of an activation follows
    from the calibration pictures: the smallest and the largest value of all, or the exponential moving
    average of those of each picture, which clips rare values. `equalize` and `correct` prepare the network
    itself. `float_layers`, by the names of their modules, compute in float32.
    """

    io: str = "float32"
    per_channel: bool = True
    ranges: str = "min-max"
    equalize: bool = True
    correct: bool = True
    float_layers: tuple[str, ...] = ()

    @property
    def precision(self) -> str:
        """What comes of it: 'w8a8', or 'w8a8-mixed' where layers stay in float."""
        return "w8a8-mixed" if self.float_layers else "w8a8"

    def to_json(self) -> dict[str, Any]:
        """Plain data for a manifest."""
        return asdict(self)
