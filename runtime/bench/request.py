"""The request that a device gets: what to measure."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from ...models.errors import UsageError
from .delegate import Accelerator

_LOWEST = {"threads": 1, "runs": 2, "seconds": 0, "warm_ups": 1, "warm_up_seconds": 0, "end_to_end": 0}
_LOWEST |= {"launches": 1, "sustained": 0}


def require_enough(name: str, value: float) -> None:
    """Raise a `UsageError` where the field called `name` of a request cannot be so small."""
    if not value >= _LOWEST[name]:
        raise UsageError(f"--{name.replace('_', '-')} {value}: must be at least {_LOWEST[name]:g}")


@dataclass(frozen=True, slots=True)
class Contender:
    """One model: the model of the bundle in the folder `bundle`, or its float reference."""

    bundle: str
    part: Literal["model", "reference"] = "model"


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """Models to measure interleaved, in one run, with `threads` threads.

    Each model warms up for at least `warm_ups` inferences and `warm_up_seconds`, and is then measured for at
    least `runs` samples and `seconds`, which are spread over `launches` new processes. Then each runs alone:
    for `sustained` seconds, or as long as one launch. `cpus` are the processors to pin to; with None the
    device chooses its fastest cores if not all are alike. `end_to_end` is the number of end-to-end runs of
    the golden picture, from the encoded file to the top classes. `accelerator` has to run the whole of every
    model; with `cpu` the engine chooses.
    """

    contenders: tuple[Contender, ...]
    threads: int = 1
    runs: int = 50
    seconds: float = 10.0
    warm_ups: int = 5
    warm_up_seconds: float = 1.0
    end_to_end: int = 20
    cpus: tuple[int, ...] | None = None
    launches: int = 1
    sustained: float = 0.0
    accelerator: Accelerator = "cpu"

    def __post_init__(self) -> None:
        for name in _LOWEST:
            require_enough(name, getattr(self, name))
        if not self.contenders:
            raise UsageError("there is nothing to measure; pass a bundle")

    @property
    def alone_seconds(self) -> float:
        """How long each model runs alone; 0 if it was alone anyway."""
        if self.sustained:
            return self.sustained
        return self.seconds / self.launches if len(self.contenders) > 1 else 0.0

    def require_no_sustained(self, device: str) -> None:
        """Refuse a sustained run for a device that cannot do one.

        Raises:
            UsageError: it was requested.
        """
        if self.sustained:
            raise UsageError(
                f"{device}: cannot run a model alone for long; leave out --sustained, or use local or ssh://"
            )

    def to_json(self) -> dict[str, Any]:
        """Plain data for the device."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        contenders = tuple(Contender(**contender) for contender in data["contenders"])
        cpus = None if data["cpus"] is None else tuple(data["cpus"])
        return cls(**data | {"contenders": contenders, "cpus": cpus})
