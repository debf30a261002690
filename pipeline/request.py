"""What a conversion is asked for: every option with its default, checked before anything takes time."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias, Union

from ..export import chosen
from ..export.artifact import IOS
from ..export.facts import TARGETS
from ..export.precision import Precision
from ..models.errors import UsageError, unknown
from ..models.files import read_file
from ..models.images import find_images
from ..models.model import Model
from ..models.overrides import Channels, ClassNames, Overrides, PathLike, Resize
from ..models.sizes import Size
from ..models.weights.names import require_weights
from ..quantize.calibration import FEWEST
from ..quantize.recipe import EFFORTS, RANGES, Recipe
from ..runtime.bench.latency import SpeedLimits
from ..runtime.judge.answering import Means
from ..runtime.judge.limits import Limits
from ..runtime.processors import Processor, without_pairs
from ..runtime.processors import chosen as chosen_processors
from .checks import MOST_BYTES_OF_PIPELINE, require_folder, require_writable

if TYPE_CHECKING:
    from torch import nn

ModelLike: TypeAlias = Union[str, os.PathLike[str], Model, "nn.Module"]

_FEWEST_PICTURES = 12  # that judge bundled weights
# What a loaded model already has.
_OF_WEIGHTS = ("weights", "ema", "mean", "std", "imgsz", "resize", "channels", "interpolation", "labels")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertRequest:
    """The options of a conversion; `convert` explains each of them. None depends on the other options.

    Raises:
        UsageError: there is no such target or precision, or options contradict each other.
    """

    model: ModelLike
    to: str | Iterable[str] = "tflite"
    int8: bool = False
    precision: str | Iterable[str] | None = None
    per_tensor: bool = False
    io: str = "float32"
    effort: str = "default"
    processors: str | Iterable[str] = "any"
    weights: PathLike = "auto"
    ema: bool = False
    mean: Channels | None = None
    std: Channels | None = None
    imgsz: Size | None = None
    resize: Resize | None = None
    channels: int | None = None
    interpolation: str | None = None
    labels: ClassNames | None = None
    calib: PathLike | None = None
    calib_count: int | None = None
    seed: int = 0
    stability: bool | None = None
    data: PathLike | None = None
    eval_count: int = 1200
    max_drop: float = 1.0
    min_agreement: float = 0.75
    min_top1: float | None = None
    strict: bool = False
    recover: bool = True
    recover_budget: float = 300.0
    max_latency: float | None = None
    require_speedup: float | None = None
    force: bool = False
    all_or_nothing: bool = False
    report: bool = True
    thumbnails: bool = True
    pipeline: PathLike | None = None
    overwrite: bool = False
    out: PathLike | None = None
    jobs: int | None = None

    def __post_init__(self) -> None:
        # An iterator could be read only once.
        for name in ("to", "precision", "processors", "mean", "std", "labels"):
            value = getattr(self, name)
            if isinstance(value, Iterable) and not isinstance(value, str | os.PathLike):
                object.__setattr__(self, name, tuple(value))
        self._require_ranges()
        self._require_own_weights()
        asked = self.precisions
        if self.int8 and Precision.W8A8 not in asked:
            raise UsageError(f"--int8 means --precision w8a8, not {','.join(asked)}; pass only one of them")
        if not self._is_plain and Precision.W8A8 not in asked:
            raise UsageError("--io and --per-tensor are for INT8 models; add --int8")
        self._require_possible_effort()
        if self.stability and Precision.W8A8 not in asked:
            raise UsageError("--stability compares the calibration of INT8 models; add --int8")
        if self.io not in IOS:
            raise unknown("type of inputs and outputs", self.io, IOS)
        if any(self.io not in TARGETS[name].ios for name in self.targets):
            able = " or ".join(name for name, row in TARGETS.items() if self.io in row.ios)
            raise UsageError(f"--io {self.io} is only for {able}; omit it, or export only to {able}")
        if self.require_speedup is not None and asked == (Precision.FP32,):
            raise UsageError(
                "--require-speedup needs a quantized model to compare with float; add --int8 or --precision"
            )

    def _require_ranges(self) -> None:
        limits(self.max_drop, self.min_agreement, self.min_top1, strict=self.strict)
        at_least("eval_count", self.eval_count, _FEWEST_PICTURES)
        if self.calib_count is not None:
            at_least("calib_count", self.calib_count, FEWEST)
        at_least("recover_budget", self.recover_budget, 0)
        at_least("seed", self.seed, 0)
        for name in ("max_latency", "require_speedup"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} {value}: must be greater than 0")
        _ = self.overrides, self.targets, self.runs_on, self.means  # they are checked when read

    def _require_possible_effort(self) -> None:
        if self.effort not in EFFORTS:
            raise unknown("effort", self.effort, EFFORTS)
        if self.effort == "default":
            return
        if Precision.W8A8 not in self.precisions:
            raise UsageError(f"--effort {self.effort} is for INT8 models; add --int8")
        if self.effort == "best" and self.calib is None:
            raise UsageError(
                f"--effort {self.effort} learns from photographs, and generated pictures mislead it; add "
                "--calib with a folder of them"
            )

    def _require_own_weights(self) -> None:
        """Reject options for what a model in memory already has."""
        if isinstance(self.model, str | os.PathLike):
            return
        loaded = isinstance(self.model, Model)
        for name in _OF_WEIGHTS if loaded else _OF_WEIGHTS[:2]:
            if getattr(self, name) != type(self).__dataclass_fields__[name].default:
                source = "is already loaded" if loaded else "already has its weights"
                raise UsageError(f"{name}: the model {source}; pass {name} where it is loaded")

    def require_files(self) -> None:
        """Check the files and folders of the options, which needs no framework; `model` is not among them.

        Raises:
            UsageError: weights, labels or pictures are not there.
            EdgewiseError: bundles could not be written.
        """
        require_weights(os.fspath(self.weights))
        _ = self.overrides.named  # reads a file of labels
        for folder in (self.calib, self.data):
            if folder is not None:
                require_folder(Path(folder), "a folder of pictures")
                find_images(Path(folder))
        require_writable(Path(self.out or "dist"))
        _ = self.pipeline_file

    @property
    def pipeline_file(self) -> bytes | None:
        """The content of the pipeline file, if there is one.

        Raises:
            UsageError: it cannot be read, or is too large.
        """
        if self.pipeline is None:
            return None
        try:
            return read_file(Path(self.pipeline), MOST_BYTES_OF_PIPELINE)
        except OSError as error:
            raise UsageError(f"{self.pipeline}: {error.strerror}; pass a pipeline file") from error

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
    def is_single(self) -> bool:
        """Whether one file is asked for."""
        return len(self.targets) * len(self.precisions) == 1

    @property
    def form_is_open(self) -> bool:
        """Whether INT8 may be the form that suits the network and the target best."""
        return self.int8 and self.precision is None and self._is_plain

    @property
    def recipe(self) -> Recipe:
        """How INT8 models are quantized."""
        best = self.effort == "best"
        # One scale for a whole weight rounds coarsely, so learned rounding gains most: see docs/explanation.
        learn = best or (self.per_tensor and self.calib is not None and self.effort != "fast")
        ranges = RANGES[2] if best else RANGES[0]
        return Recipe(io=self.io, per_channel=not self.per_tensor, ranges=ranges, learn=learn)

    @property
    def _is_plain(self) -> bool:
        """Whether no form of INT8 is asked for."""
        return self.io == "float32" and not self.per_tensor

    @property
    def measures_stability(self) -> bool:
        """Whether INT8 files are made from either half of the calibration pictures too, and compared."""
        default = self.calib is not None and self.effort != "fast"
        wanted = default if self.stability is None else self.stability
        return wanted and Precision.W8A8 in self.precisions

    @property
    def runs_on(self) -> tuple[Processor, ...]:
        """The processors that files are for, each once."""
        return chosen_processors(self.processors)

    def recipe_for(self, target: str) -> Recipe:
        """How INT8 models of `target` are quantized: for all processors that they are for."""
        pairs = TARGETS[target].adds_pairs and self.runs_on != without_pairs(self.runs_on)
        return replace(self.recipe, no_overflow=pairs)

    @property
    def overrides(self) -> Overrides:
        """What replaces the preprocessing and the classes of the weights."""
        return Overrides.of(
            mean=self.mean,
            std=self.std,
            imgsz=self.imgsz,
            resize=self.resize,
            labels=self.labels,
            channels=self.channels,
            interpolation=self.interpolation,
        )

    @property
    def limits(self) -> Limits:
        """The accuracy gate."""
        return limits(self.max_drop, self.min_agreement, self.min_top1, strict=self.strict)

    @property
    def means(self) -> Means:
        """How pictures are answered."""
        return answering(self.jobs, sample=self.measures_stability)

    @property
    def speed(self) -> SpeedLimits:
        """The latency gate."""
        return SpeedLimits(self.max_latency, self.require_speedup)

    def of(self, model: Model) -> Self:
        """The same request for a model that was loaded with these options."""
        own: dict[str, Any] = {name: type(self).__dataclass_fields__[name].default for name in _OF_WEIGHTS}
        return replace(self, model=model, **own)

    def folder(self, name: str) -> Path:
        """Where the bundle of that name goes: `out` itself, or a folder in it where there are several."""
        if self.out is not None and self.is_single:
            return Path(self.out)
        return Path(self.out or "dist") / name


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    """Names in lower case, each once; a string has commas between them."""
    parts = given.split(",") if isinstance(given, str) else given
    return tuple(dict.fromkeys(part.strip().lower() for part in parts))


def limits(max_drop: float, min_agreement: float, min_top1: float | None, *, strict: bool) -> Limits:
    """The accuracy gate; raises a `UsageError` if a limit is out of range."""
    if not 0 <= max_drop <= 100:
        raise UsageError(f"max_drop {max_drop}: must be between 0 and 100 percentage points")
    if not 0 <= min_agreement <= 1:
        raise UsageError(f"min_agreement {min_agreement}: must be between 0 and 1")
    if min_top1 is not None and not 0 <= min_top1 <= 100:
        raise UsageError(f"min_top1 {min_top1}: must be between 0 and 100 percent")
    return Limits(max_drop, min_agreement, strict, min_top1)


def answering(
    jobs: int | None, *, sample: bool = False, resuming: Callable[[str], None] | None = None
) -> Means:
    """How pictures are answered; raises a `UsageError` if `jobs` is no number of processes."""
    if jobs is not None:
        at_least("jobs", jobs, 1)
    return Means(jobs, sample, resuming)


def at_least(name: str, value: float, least: float) -> None:
    """Raise a `UsageError` if the option called `name` is smaller, or not a number."""
    if not value >= least:
        raise UsageError(f"{name} {value}: must be at least {least:g}")


def listed(paths: PathLike | Iterable[PathLike]) -> list[Path]:
    """The paths of one or more bundles.

    Raises:
        UsageError: none was given.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else [*paths]
    if not given:
        raise UsageError("no bundle was given; pass at least one")
    return [Path(path) for path in given]
