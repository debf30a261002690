"""Latency of a float model and its smaller form on this machine, fairly: in turn, one thread, CPU time.

Time of the calling thread alone, which does all the work, leaves out what other programs take.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ...export.precision import Precision
from ...models.errors import LatencyError
from ...models.spec import Tensor32
from .. import Session
from ..machine import saturates
from ..structure import Structure
from .timing import Percentiles, Ratio, bootstrap_ratio, percentiles

_WARM_UPS, _ROUNDS = 3, 30


class Pace(StrEnum):
    """FASTER or SLOWER than the float twin by the whole interval, or ALIKE."""

    FASTER = "faster"
    SLOWER = "slower"
    ALIKE = "alike"


@dataclass(frozen=True, slots=True)
class SpeedLimits:
    """The most milliseconds, and the least speed-up over the float twin; None asks for nothing."""

    max_ms: float | None = None
    min_speedup: float | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """CPU milliseconds per picture on one thread, and how many times faster INT8 is (None without it)."""

    float: Percentiles
    quantized: Percentiles | None = None
    speedup: Ratio | None = None

    @property
    def pace(self) -> Pace | None:
        """What the interval of the speed-up says; None for a float model."""
        if self.speedup is None:
            return None
        if self.speedup.interval.low > 1:
            return Pace.FASTER
        return Pace.SLOWER if self.speedup.interval.high < 1 else Pace.ALIKE

    def require(self, limits: SpeedLimits, name: str) -> None:
        """Raise a `LatencyError` where the model, called `name`, is slower than `limits` allow."""
        found = (self.quantized or self.float).p50_ms
        if limits.max_ms is not None and found > limits.max_ms:
            raise LatencyError(
                f"{name}: latency gate: {found:.2f} ms of CPU time here, "
                f"--max-latency allows {limits.max_ms:g}"
            )
        wanted = limits.min_speedup
        if wanted is not None and self.speedup is not None and self.speedup.ratio < wanted:
            raise LatencyError(
                f"{name}: latency gate: {self.speedup.ratio:.2f} times as fast as its float twin here, "
                f"--require-speedup asks for {wanted:g}"
            )


def reasons(found: Structure) -> list[str]:
    """What may keep a quantized file from being fast, as far as the file and this machine tell."""
    told = []
    if found.whole is False:
        told.append(f"XNNPACK takes {found.partitions} pieces of the model, not the whole")
    if found.integer and found.islands:
        islands = ", ".join(f"{count} {name}" for name, count in found.islands.items())
        told.append(f"operators in float between conversions ({islands})")
    if found.integer and found.float_layers:
        told.append(f"{found.float_layers} layers in float")
    if found.precision in {Precision.FP16, Precision.W8A32}:
        told.append("its arithmetic is float: smaller weights save space and not time")
    if saturates():
        told.append("this processor has no VNNI instructions, which INT8 kernels are made for")
    return told


def measure(sessions: Sequence[Session], picture: Tensor32) -> Latency:
    """Time the float session, and the quantized one if given, on one (1, S, S, 3) picture, in turn.

    They must have been opened with one thread.
    """
    for session in [*sessions] * _WARM_UPS:
        session(picture)
    rounds = [[_cpu_ms(session, picture) for session in sessions] for _ in range(_ROUNDS)]
    slow, *fast = zip(*rounds, strict=True)
    if not fast:
        return Latency(percentiles(slow))
    return Latency(percentiles(slow), percentiles(fast[0]), bootstrap_ratio(slow, fast[0]))


def _cpu_ms(session: Session, picture: Tensor32) -> float:
    start = time.thread_time()
    session(picture)
    return 1000 * (time.thread_time() - start)
