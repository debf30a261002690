"""What a training is asked for, and what it gives."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data import Dataset
from ..spec import Preprocess
from ..zoo import find
from .recipe import TrainingRecipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to train, on what, where.

    `preprocess` is that of training, judging and what is exported; `start` the weights to begin with, None
    for random ones, and `origin` where these came from, in words; `out` is the run's folder. `devices` are
    those of each of the `nodes`; `accelerator` is Lightning's name; `workers` load pictures meanwhile.
    """

    name: str
    dataset: Dataset
    recipe: TrainingRecipe
    preprocess: Preprocess
    start: "Mapping[str, Tensor] | None"
    origin: str
    out: Path
    devices: int = 1
    nodes: int = 1
    accelerator: str = "auto"
    workers: int = 0

    def to_json(self) -> dict[str, Any]:
        """What must be alike for a run to go on, and `origin`, which is told alone."""
        return {
            "name": find(self.name).name,
            "recipe": self.recipe.to_json(),
            "classes": list(self.dataset.labels.names),
            "preprocess": asdict(self.preprocess),
            "data": self.dataset.description,
            "pictures": {"train": len(self.dataset.train), "val": len(self.dataset.val)},
            "devices": self.devices * self.nodes,
            "origin": self.origin,
        }


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The checkpoint at `path`, with its validation top-1 and calibration error, and what it took.

    `epochs` and `seconds` count the whole run, over all its resumptions.
    """

    path: Path
    top1: float
    ece: float
    epochs: int
    seconds: float
    stopped_early: bool
