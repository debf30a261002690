"""The record of one model's latency on one device, schema 1: plain JSON, and enough to doubt it by.

`to_json` gives the fields of `Record` by their names, and beside them `schema`; times are milliseconds of
wall clock, sizes bytes, and null is what the device does not tell. Readers skip fields that they do not know.

    id, run         a name of its own, and that of the run: records of one run were measured in turn
    started         when, ISO 8601 in UTC
    edgewise        the version that asked
    device          as the user named it: 'local', 'ssh://pi@board'
    machine         what measured, see `Machine`
    model, engine   what was measured and what computed it, see `BenchedModel` and `Engine`
    golden          how the device answers the golden sample, see `GoldenRun`
    threads, cpus   threads of the engine; the processors that it was kept on, null for all
    load_ms         opening the model, until it can run
    first_ms        the first inference
    warm_ups        inferences, the first included, before those that count
    samples_ms      every inference that counts, the model alone
    end_to_end_ms   from the encoded picture to the best classes: decode, resize, normalise, infer, top-k
    peak_rss_bytes  memory above that of the process before it opened the model
    energy_mj       of one inference, only where it was measured
    before, after   the machine at the start and at the end of the samples, see `Conditions`
    others          the part of the machine's processor time that other programs took meanwhile, 0 to 1
    interrupted     why the run did not come to its end
    summary         count, mean, min, p50, p90 and p99 of `samples_ms`, see `timing.Percentiles`
    end_to_end      the same of `end_to_end_ms`
    drift           median of the last quarter of the samples over that of the first
    verdict         whether the figure deserves belief, see `Trust` and `trust`
"""

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ...models.errors import EdgewiseError
from .timing import Percentiles

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    _Part = TypeVar("_Part", bound=DataclassInstance)

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Machine:
    """What measured: a board ('Raspberry Pi 5 BenchedModel B Rev 1.0'), a phone, or a browser on a machine.

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

    A core that is off has the governor '' and 0 MHz. `throttled` are the bits of Raspberry Pi's
    `vcgencmd get_throttled`, `load` is the last minute's mean.
    """

    at: str  # ISO 8601, UTC
    governors: tuple[str, ...] | None = None
    frequencies_mhz: tuple[float, ...] | None = None
    temperatures_c: dict[str, float] | None = None
    throttled: int | None = None
    load: float | None = None


@dataclass(frozen=True, slots=True)
class BenchedModel:
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
class GoldenRun:
    """How the device answers the golden sample; see `runtime.golden.GoldenCheck`."""

    max_lsb: float | None
    max_rel: float
    output_sha256: str


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether the figure deserves belief, and if not, why."""

    trusted: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """All of it; the module says what each field is."""

    id: str
    run: str
    started: str
    edgewise: str
    device: str
    machine: Machine
    model: BenchedModel
    engine: Engine
    golden: GoldenRun | None
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
    verdict: Trust = field(default_factory=lambda: Trust(trusted=True))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"schema": SCHEMA} | asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`, after JSON too.

        Raises:
            EdgewiseError: it is of a newer schema, or no record.
        """
        schema = data.get("schema")
        if isinstance(schema, int) and schema > SCHEMA:
            raise EdgewiseError(
                f"a record of schema {schema}, this edgewise reads {SCHEMA}; "
                "run: pip install --upgrade edgewise"
            )
        if schema != SCHEMA:
            raise EdgewiseError(f"no record of a latency: its schema is {schema!r} instead of {SCHEMA}")
        try:
            parts = {name: part(kind, data[name]) for name, kind in _PARTS.items() if data[name] is not None}
            return part(cls, data | parts)
        except (AttributeError, KeyError, TypeError) as error:
            raise EdgewiseError(f"no record of a latency: {error}") from error


def part(kind: "type[_Part]", data: dict[str, Any]) -> "_Part":
    """A part of a record from plain data, where tuples come as lists; unknown fields are left out.

    Raises:
        TypeError: a field is missing.
    """
    known = {entry.name for entry in fields(kind)}
    return kind(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in data.items()
            if name in known
        }
    )


_PARTS: "dict[str, type[DataclassInstance]]" = {
    "machine": Machine,
    "model": BenchedModel,
    "engine": Engine,
    "golden": GoldenRun,
    "before": Conditions,
    "after": Conditions,
    "summary": Percentiles,
    "end_to_end": Percentiles,
    "verdict": Trust,
}
