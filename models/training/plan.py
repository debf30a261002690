"""The input and the result of a training."""

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
    """What to train, on which data and devices.

    `preprocess` is used for training, validation and the exported model; `start` are the initial weights,
    None for random ones, and `origin` describes where they come from; `out` is the run folder. `devices` is
    the number per node; `accelerator` is Lightning's name; `workers` is the number of data loading processes.
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
        """What must be the same to resume a run, and `origin`, which is informational."""
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
    """The checkpoint at `path`, its validation top-1 and calibration error, and the cost of the training.

    `epochs` and `seconds` cover the whole run, including resumed parts.
    """

    path: Path
    top1: float
    ece: float
    epochs: int
    seconds: float
    stopped_early: bool
