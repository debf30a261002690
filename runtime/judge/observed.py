"""Which INT8 layers of a file exceed 16 bits on given pictures: at worst is what `Structure.overflow` says.

Pictures show how much a file loses on x86 without VNNI, not that it loses nothing: only a file without pairs
that can exceed 16 bits is the same everywhere.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...models.spec import Tensor32
from .. import runtime
from ..products import Count, count
from ..structure import Overflow

PICTURES = 16  # every picture adds to the time, and hardly to what is known


@dataclass(frozen=True, slots=True)
class Observed:
    """What each layer of a file that can exceed 16 bits did on a number of `pictures`.

    Layers that the engine does not let see have the count 0 of everything.
    """

    pictures: int
    layers: dict[str, Count]

    @property
    def text(self) -> str:
        """What was seen, in words: 'on 16 calibration pictures ...'."""
        total, where = sum(self.layers.values(), Count()), f"on {self.pictures} calibration pictures"
        if not total.values:
            return f"{where} none of the layers can be observed"
        text = f"{where} {_did(total)}"
        layer, most = max(self.layers.items(), key=lambda found: found[1].share)
        if most.changed:
            text += f", most in {layer}, where they changed {_percent(most.share)} of the values"
        unseen = sum(not count.values for count in self.layers.values())
        return f"{text}; {unseen} of the layers cannot be observed" if unseen else text

    def to_json(self) -> dict[str, Any]:
        """The manifest's record."""
        return asdict(self)


def observe(path: Path, target: str, layers: Sequence[Overflow], batch: Tensor32) -> Observed:
    """Run the pictures (N, H, W, C), normalised, and count in each of `layers` what exceeds 16 bits."""
    counts = {found.layer: Count() for found in layers}
    for layer, activations in runtime(target).watch(path, counts)(batch):
        counts[layer.name] += count(layer, activations)
    return Observed(len(batch), counts)


def _did(total: Count) -> str:
    if not total.exceeded:
        return f"none of the {total.sums:,} sums of these pairs did"
    return f"{_percent(total.exceeded / total.sums)} of the sums of these pairs did"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
