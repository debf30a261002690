"""The training hyperparameters, validated and stored with the trained weights."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from ..errors import UsageError


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """The hyperparameters of `edgewise train`. Counts are in epochs or pictures, probabilities from 0 to 1.

    learning_rate: for a total batch size of 256 over all devices; scaled linearly (arXiv 1706.02677).
    warmup: epochs in which the rate rises linearly from zero.
    schedule: then a cosine to zero (arXiv 1608.03983), or multiply by `step_factor` every `step_epochs`.
    cycles: cosine cycles, each from the peak rate, with a snapshot at the end of each (arXiv 1704.00109).
    tune: all weights, only the last layer, or layer groups from the last to the first, one more every
        `unfreeze_epochs` (arXiv 1801.06146).
    layer_decay: factor on the rate of each layer group relative to the next one; 1 uses the same rate.
    crop: smallest fraction of the picture's area for random crops; 1 uses the evaluation crop.
    progressive: side of the first epoch's pictures relative to the last epoch's, see `progressive`.
    randaugment: magnitude, 0 to 30 (arXiv 1909.13719); mixup, cutmix: their alpha (arXiv 1710.09412,
        1905.04899); 0 disables each.
    dropout: rate of every dropout layer; None keeps the network's own.
    ema: decay per step of the moving average of the weights, which is then the result; 0 disables it.
    balance: weight classes in the loss by their effective number of pictures (arXiv 1901.05555).
    patience: stop after this many epochs without a better top-1; 0 disables early stopping.
    """

    epochs: int = 10
    batch: int = 64
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: Literal["cosine", "step"] = "cosine"
    warmup: float = 0.5
    cycles: int = 1
    step_epochs: int = 3
    step_factor: float = 0.1
    tune: Literal["all", "head", "gradual"] = "all"
    unfreeze_epochs: int = 1
    layer_decay: float = 1.0
    crop: float = 0.35
    flip: float = 0.5
    progressive: float = 1.0
    colour_jitter: float = 0.0
    randaugment: int = 0
    mixup: float = 0.0
    cutmix: float = 0.0
    label_smoothing: float = 0.1
    dropout: float | None = None
    ema: float = 0.0
    balance: bool = False
    patience: int = 0
    clip: float = 0.0
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                limits = f"at least {low:g}" if high == _MOST else f"between {low:g} and {high:g}"
                raise UsageError(f"--{name.replace('_', '-')} {value}: must be {limits}")
        if self.cycles > self.epochs:
            raise UsageError(
                f"--cycles {self.cycles} with --epochs {self.epochs}: each cycle needs at least one epoch"
            )
        if self.warmup > self.epochs:
            raise UsageError(
                f"--warmup {self.warmup:g} with --epochs {self.epochs}: the warm-up would never end"
            )
        if self.cycles > 1 and self.schedule != "cosine":
            raise UsageError(f"--cycles {self.cycles}: requires --schedule cosine, not {self.schedule}")

    @classmethod
    def for_tuning(cls) -> Self:
        """The defaults for fine-tuning trained weights: a lower rate preserves more of them."""
        return cls(learning_rate=0.03)

    def to_json(self) -> dict[str, Any]:
        """JSON-serializable data for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`; an unknown field is a `UsageError`."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise UsageError(f"{', '.join(unknown)}: unknown field in a training recipe; update edgewise")
        return cls(**data)


_MOST = float("inf")
_BOUNDS: dict[str, tuple[float, float]] = {
    "epochs": (1, _MOST),
    "batch": (1, _MOST),
    "learning_rate": (1e-12, _MOST),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 1),
    "warmup": (0, _MOST),
    "cycles": (1, _MOST),
    "step_epochs": (1, _MOST),
    "step_factor": (0, 1),
    "unfreeze_epochs": (1, _MOST),
    "layer_decay": (0, 1),
    "crop": (0.01, 1),
    "flip": (0, 1),
    "progressive": (0.1, 1),
    "colour_jitter": (0, 1),
    "randaugment": (0, 30),
    "mixup": (0, _MOST),
    "cutmix": (0, _MOST),
    "label_smoothing": (0, 0.99),
    "dropout": (0, 0.99),
    "ema": (0, 0.999999),
    "patience": (0, _MOST),
    "clip": (0, _MOST),
    "seed": (0, 2**32 - 1),
}
