"""The record of one model's latency on one device, schema 1: plain JSON, and enough to doubt it by.

Times are in milliseconds of wall clock, sizes in bytes; None is what the device does not tell. `to_json`
gives every field below by its name, and beside them `schema`.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from ...models.errors import EdgewiseError
from ..timing import Percentiles

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Machine:
    """What measured: a board ('Raspberry Pi 5 Model B Rev 1.0'), a phone, or a browser on a machine.

    `features` are the processor's that bear on speed, `emulated` names the emulator where there is one, and
    then no time means anything.
    """

    board: str | None
    system: str
    kernel: str | None
    libc: str | None
    architecture: str
    processor: str | None
    features: tuple[str, ...] | None
    cores: int | None
    memory_bytes: int | None
    software: str | None  # 'Python 3.11.2', 'Chromium 140'
    emulated: str | None


@dataclass(frozen=True, slots=True)
class Conditions:
    """The machine at one moment: by core the governor and the frequency, by thermal zone the temperature.

    `throttled` are the bits of Raspberry Pi's `vcgencmd get_throttled`, `load` is the last minute's mean.
    """

    at: str  # ISO 8601, UTC
    governors: tuple[str, ...] | None = None
    frequencies_mhz: tuple[float, ...] | None = None
    temperatures_c: dict[str, float] | None = None
    throttled: int | None = None
    load: float | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """Which model: `part` is 'model' or 'reference' of the bundle, `sha256` that of the file."""

    name: str
    target: str
    precision: str
    part: str
    sha256: str
    size_bytes: int

    @property
    def title(self) -> str:
        """For a table: 'mobilenetv2 tflite w8a8'."""
        return f"{self.name} {self.target} {self.precision}"


@dataclass(frozen=True, slots=True)
class Engine:
    """What computed it: `delegate` is what really did ('XNNPACK', 'CPUExecutionProvider', 'WebGPU').

    `operators` are those of the prepared graph, `delegated` those of them, or of the original ones, that the
    delegate took.
    """

    name: str
    version: str
    delegate: str | None
    operators: int | None
    delegated: int | None


@dataclass(frozen=True, slots=True)
class Golden:
    """How the device answers the golden sample; see `runtime.golden.GoldenCheck`."""

    max_lsb: float | None
    max_rel: float
    output_sha256: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the figure deserves belief, and if not, why."""

    trusted: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """All of it. `samples_ms` are of the model alone, `end_to_end_ms` from the encoded picture to classes.

    Records with the same `run` were measured in turn. `cpus` are the processors that the process was kept
    on. `drift` is the median of the last quarter of the samples over that of the first. `peak_rss_bytes` is
    the memory above that of the process before it opened the model. `others` is the part of the machine's
    processor time that other programs took meanwhile, 0 to 1. `energy_mj` is of one inference, where it was
    measured. `interrupted` says why a run did not come to its end.
    """

    id: str
    run: str
    started: str
    edgewise: str
    device: str
    machine: Machine
    model: Model
    engine: Engine
    golden: Golden | None
    threads: int
    cpus: tuple[int, ...] | None
    load_ms: float
    first_ms: float
    warm_ups: int
    samples_ms: tuple[float, ...]
    end_to_end_ms: tuple[float, ...]
    peak_rss_bytes: int | None
    energy_mj: float | None
    before: Conditions | None
    after: Conditions | None
    others: float | None
    interrupted: str | None
    summary: Percentiles
    end_to_end: Percentiles | None
    drift: float
    verdict: Verdict = field(default_factory=lambda: Verdict(trusted=True))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"schema": SCHEMA} | asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`, after JSON too.

        Raises:
            EdgewiseError: it is of a newer schema, or no record.
        """
        if data.get("schema") != SCHEMA:
            raise EdgewiseError(
                f"a record of schema {data.get('schema')}, this edgewise reads {SCHEMA}; "
                "run: pip install --upgrade edgewise"
            )
        try:
            return cls(**{entry.name: _read(entry.name, data[entry.name]) for entry in fields(cls)})
        except (KeyError, TypeError) as error:
            raise EdgewiseError(f"no record of a latency: {error}") from error


_PARTS: dict[str, type] = {
    "machine": Machine,
    "model": Model,
    "engine": Engine,
    "golden": Golden,
    "before": Conditions,
    "after": Conditions,
    "summary": Percentiles,
    "end_to_end": Percentiles,
    "verdict": Verdict,
}


def _read(name: str, value: Any) -> Any:
    """A field from plain data: tuples come as lists, parts as objects."""
    if value is not None and name in _PARTS:
        return _PARTS[name](**{key: _read("", inner) for key, inner in value.items()})
    return tuple(value) if isinstance(value, list) else value
