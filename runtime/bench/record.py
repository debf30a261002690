"""The record of one model's latency on one device, schema 1: plain JSON with all conditions.

`to_json` returns the fields of `Record` by name, plus `schema`. Times are wall-clock milliseconds, sizes are
bytes, and null means that the device does not report the value. Readers skip unknown fields.

    id, run         a unique id, and that of the run: records of one run were measured interleaved started
    start time, ISO 8601 in UTC edgewise        the version that requested the run device          as the user
    named it: 'local', 'ssh://pi@board' machine         the device's hardware and system, see `Machine` model,
    engine   what was measured and what ran it, see `BenchedModel` and `Engine` golden          the device's
    result for the golden sample, see `GoldenRun` threads, cpus   threads of the engine; the processors that
    it was pinned to, null for all cpus_chosen     whether edgewise chose `cpus`: the fastest cores, where not
    all are equally fast load_ms         opening the model, until it is ready to run: the median of the
    launches first_ms        the first inference: the median of the launches warm_ups        inferences before
    those that count, including the first samples_ms      every inference that counts, model only launches
    how many of these came from each launch of the process, in order p50_interval    the 95 % interval of the
    median, from at least five launches cpu             the same inferences in CPU time of the one thread, see
    `timing.Percentiles`; null with more end_to_end_ms   from the encoded picture to the best classes: decode,
    resize, normalise, infer, top-k alone           the model without the others in turn, see
    `timing.Percentiles` single_stream   the same as MLPerf reports it, see `timing.SingleStream` sustained
    the same as a time line, if it was asked to run for long, see `sustained.Sustained` peak_rss_bytes  peak
    memory above that of the process before it opened the model, the most of all launches energy_mj       per
    inference, only if it was measured before, after   the machine at the start and at the end of the samples,
    see `Conditions` mhz             the frequency of the fastest core in use, read about twice a second
    during the samples others          the fraction of processor time that other programs used during the run,
    0 to 1 interrupted     why the run ended early summary         count, mean, min, p50, p90 and p99 of
    `samples_ms`, see `timing.Percentiles` end_to_end      the same for `end_to_end_ms` drift           median
    of the last quarter of the samples divided by that of the first verdict         whether the result can be
    trusted, see `Trust` and `trust`
"""

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ...models.errors import EdgewiseError
from ..judge.stats import Interval
from .sustained import Sustained
from .timing import Percentiles, SingleStream

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    _Part = TypeVar("_Part", bound=DataclassInstance)

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured: a board ('Raspberry Pi 5 Model B Rev 1.0'), a phone, or a browser on a machine.

    `features` are those of the processor that affect speed. `emulated` names the emulator, if any; then times
    mean nothing. `core_capacities` is the relative speed of each core as Linux gives it, 1024 for the
    fastest, and `highest_mhz` the highest frequency of each.
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
    core_capacities: tuple[int, ...] | None = None
    highest_mhz: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """The machine at one moment: governor and frequency by core, temperature by thermal zone.

    A core that is off has the governor '' and 0 MHz. `throttled` are the bits of the Raspberry Pi's `vcgencmd
    get_throttled`, and `firmware_mhz` is the processor's frequency as its firmware measures it. `load` is the
    average of the last minute. `limits_c` is the lowest passive trip point of each zone that has one, at
    which Linux slows the processor down; `slowed` is how much it does so, 0 for not at all. `throttle_count`
    counts how often an Intel processor has throttled since boot.
    """

    at: str  # ISO 8601, UTC
    governors: tuple[str, ...] | None = None
    frequencies_mhz: tuple[float, ...] | None = None
    temperatures_c: dict[str, float] | None = None
    throttled: int | None = None
    load: float | None = None
    limits_c: dict[str, float] | None = None
    slowed: int | None = None
    throttle_count: int | None = None
    firmware_mhz: float | None = None


@dataclass(frozen=True, slots=True)
class BenchedModel:
    """Which model: `part` is 'model' or 'reference' of the bundle, `sha256` is that of the file."""

    name: str
    target: str
    precision: str
    part: str
    sha256: str
    size_bytes: int

    @property
    def title(self) -> str:
        """The title in tables: 'mobilenetv2 tflite w8a8'."""
        return f"{self.name} {self.target} {self.precision}"


@dataclass(frozen=True, slots=True)
class Engine:
    """What ran it: `delegate` is what really did ('XNNPACK', 'CPUExecutionProvider', 'WebGPU').

    `operators` is their number in the prepared graph, `delegated` the number of those, or of the original
    ones, that the delegate runs.
    """

    name: str
    version: str
    delegate: str | None
    operators: int | None
    delegated: int | None


@dataclass(frozen=True, slots=True)
class GoldenRun:
    """The device's result for the golden sample; see `runtime.golden.GoldenCheck`.

    `tolerance` describes what was allowed, where it is not what `runtime.golden` allows: a phone's GPU
    computes in half precision.
    """

    max_lsb: float | None
    max_rel: float
    output_sha256: str
    tolerance: str | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether the result can be trusted: nothing speaks against it, and nothing that matters is unknown."""

    trusted: bool
    reasons: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def doubts(self) -> tuple[str, ...]:
        """The reasons, and what is unknown as the last one."""
        return (
            *self.reasons,
            *([f"the device does not show {', '.join(self.unknown)}"] if self.unknown else []),
        )


@dataclass(frozen=True, slots=True)
class Record:
    """The whole record; the module documents each field."""

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
    cpus_chosen: bool = False
    mhz: tuple[float, ...] | None = None
    launches: tuple[int, ...] = ()
    p50_interval: Interval | None = None
    cpu: Percentiles | None = None
    alone: Percentiles | None = None
    single_stream: SingleStream | None = None
    sustained: Sustained | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"schema": SCHEMA} | asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`; also accepts data that was serialized as JSON.

        Raises:
            EdgewiseError: it has a newer schema, or is not a record.
        """
        schema = data.get("schema")
        if isinstance(schema, int) and schema > SCHEMA:
            raise EdgewiseError(
                f"a record of schema {schema}, but this version reads {SCHEMA}; update edgewise to read it"
            )
        if schema != SCHEMA:
            raise EdgewiseError(f"not a latency record: its schema is {schema!r} instead of {SCHEMA}")
        try:
            parts = {
                name: part(kind, data[name]) for name, kind in _PARTS.items() if data.get(name) is not None
            }
            return part(cls, data | parts)
        except (AttributeError, KeyError, TypeError) as error:
            raise EdgewiseError(f"not a latency record: {error}") from error


def part(kind: "type[_Part]", data: dict[str, Any]) -> "_Part":
    """A part of a record from plain data, with tuples as lists; unknown fields are ignored.

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
    "p50_interval": Interval,
    "cpu": Percentiles,
    "alone": Percentiles,
    "single_stream": SingleStream,
    "sustained": Sustained,
}
