"""What a conversion is asked for: every option with its default, checked before anything takes time."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ..export import chosen
from ..export.artifact import IOS
from ..export.facts import TARGETS
from ..export.precision import Precision
from ..models.errors import UsageError, unknown
from ..models.model import Model
from ..models.overrides import Overrides, read_labels
from ..models.spec import RGB
from ..models.weights.names import require_weights
from ..quantize.recipe import Recipe
from ..runtime.bench.latency import SpeedLimits
from ..runtime.judge.verdict import Limits
from .checks import require_folder, require_writable

PathLike: TypeAlias = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertRequest:
    """The options of a conversion; `convert` explains each of them. None depends on the other options.

    Raises:
        UsageError: there is no such target or precision, or options contradict each other.
    """

    model: str | Model
    to: str | Iterable[str] = "tflite"
    int8: bool = False
    precision: str | Iterable[str] | None = None
    per_tensor: bool = False
    io: str = "float32"
    weights: PathLike = "auto"
    mean: float | RGB | None = None
    std: float | RGB | None = None
    imgsz: int | None = None
    resize: int | None = None
    labels: PathLike | None = None
    calib: PathLike | None = None
    calib_count: int | None = None
    seed: int = 0
    data: PathLike | None = None
    eval_count: int = 1200
    max_drop: float = 1.0
    min_agreement: float = 0.75
    strict: bool = False
    recover: bool = True
    recover_budget: float = 300.0
    max_latency: float | None = None
    require_speedup: float | None = None
    force: bool = False
    overwrite: bool = False
    out: PathLike | None = None

    def __post_init__(self) -> None:
        asked = self.precisions
        if self.int8 and Precision.W8A8 not in asked:
            raise UsageError(f"--int8 means --precision w8a8, not {','.join(asked)}; pass only one of them")
        if self.recipe != Recipe() and Precision.W8A8 not in asked:
            raise UsageError("--io and --per-tensor are for INT8 models; add --int8")
        if self.io not in IOS:
            raise unknown("type of inputs and outputs", self.io, IOS)
        if any(self.io not in TARGETS[name].ios for name in self.targets):
            able = " or ".join(name for name, row in TARGETS.items() if self.io in row.ios)
            raise UsageError(f"--io {self.io} is only for {able}; omit it, or export only to {able}")
        if self.require_speedup is not None and asked == (Precision.FP32,):
            raise UsageError(
                "--require-speedup needs a quantized model to compare with float; add --int8 or --precision"
            )

    def require_files(self) -> None:
        """Check the files and folders of the options, which needs no framework; `model` is not among them.

        Raises:
            UsageError: weights, labels or pictures are not there.
            EdgewiseError: bundles could not be written.
        """
        require_weights(os.fspath(self.weights))
        if (labels := self.overrides.labels) is not None:
            read_labels(labels)
        for folder in (self.calib, self.data):
            if folder is not None:
                require_folder(Path(folder), "a folder of pictures")
        require_writable(Path(self.out or "dist"))

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets by their names, each once."""
        return chosen(self.to if isinstance(self.to, str) else ",".join(self.to))

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """The precisions, each once."""
        if self.precision is None:
            return (Precision.W8A8 if self.int8 else Precision.FP32,)
        return tuple(map(Precision.requested, _names(self.precision)))

    @property
    def form_is_open(self) -> bool:
        """Whether INT8 may be the form that suits the network and the target best."""
        return self.int8 and self.precision is None and self.recipe == Recipe()

    @property
    def recipe(self) -> Recipe:
        """How INT8 models are quantized."""
        return Recipe(io=self.io, per_channel=not self.per_tensor)

    @property
    def overrides(self) -> Overrides:
        """What replaces the preprocessing and the classes of the weights."""
        labels = None if self.labels is None else Path(self.labels)
        return Overrides(rgb(self.mean), rgb(self.std), self.imgsz, self.resize, labels)

    @property
    def limits(self) -> Limits:
        """The accuracy gate."""
        return Limits(self.max_drop, self.min_agreement, self.strict)

    @property
    def speed(self) -> SpeedLimits:
        """The latency gate."""
        return SpeedLimits(self.max_latency, self.require_speedup)

    def folder(self, name: str) -> Path:
        """Where the bundle of that name goes: `out` itself, or a folder in it where there are several."""
        if self.out is not None and len(self.targets) * len(self.precisions) == 1:
            return Path(self.out)
        return Path(self.out or "dist") / name


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    """Names in lower case, each once; a string has commas between them."""
    parts = given.split(",") if isinstance(given, str) else given
    return tuple(dict.fromkeys(part.strip().lower() for part in parts))


def rgb(value: float | RGB | None) -> RGB | None:
    """One number for all channels, or one for each."""
    return (value, value, value) if isinstance(value, int | float) else value
