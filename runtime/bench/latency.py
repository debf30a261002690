"""Latency of a float model and its quantized form on this machine: interleaved, one thread, CPU time.

The CPU time of the calling thread, which does all the work, excludes the time that other programs take. The
time on the clock on the wall is kept beside it; limits are for the CPU time.
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
    """FASTER or SLOWER than the float model if the whole interval is, otherwise ALIKE."""

    FASTER = "faster"
    SLOWER = "slower"
    ALIKE = "alike"


@dataclass(frozen=True, slots=True)
class SpeedLimits:
    """The maximum milliseconds of CPU time and the minimum speed-up over float; None means no limit."""

    max_ms: float | None = None
    min_speedup: float | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """CPU milliseconds per picture on one thread, and the speed-up of INT8 (None without it).

    `float_wall` and `quantized_wall` are the same runs in milliseconds on the clock on the wall, which on a
    busy machine are more.
    """

    float: Percentiles
    quantized: Percentiles | None = None
    speedup: Ratio | None = None
    float_wall: Percentiles | None = None
    quantized_wall: Percentiles | None = None

    @property
    def pace(self) -> Pace | None:
        """The verdict of the speed-up's interval; None for a float model."""
        if self.speedup is None:
            return None
        if self.speedup.interval.low > 1:
            return Pace.FASTER
        return Pace.SLOWER if self.speedup.interval.high < 1 else Pace.ALIKE

    def require(self, limits: SpeedLimits, name: str) -> None:
        """Raise a `LatencyError` if the model `name` is slower than `limits` allow."""
        found = (self.quantized or self.float).p50_ms
        wall = self.quantized_wall if self.quantized else self.float_wall
        beside = f" ({wall.p50_ms:.2f} ms on the clock)" if wall else ""
        if limits.max_ms is not None and found > limits.max_ms:
            raise LatencyError(
                f"{name}: latency gate: {found:.2f} ms of CPU time here{beside}, "
                f"--max-latency allows {limits.max_ms:g}"
            )
        wanted = limits.min_speedup
        if wanted is not None and self.speedup is not None and self.speedup.ratio < wanted:
            raise LatencyError(
                f"{name}: latency gate: {self.speedup.ratio:.2f} times as fast as its float model here, "
                f"--require-speedup requires {wanted:g}"
            )


def reasons(found: Structure) -> list[str]:
    """What may slow a quantized file down, as far as the file and this machine show."""
    told = []
    if found.whole is False:
        told.append(f"XNNPACK runs {found.partitions} partitions of the model instead of all of it")
    if found.integer and found.islands:
        islands = ", ".join(f"{count} {name}" for name, count in found.islands.items())
        told.append(f"float operators between conversions ({islands})")
    if found.integer and found.float_layers:
        told.append(f"{found.float_layers} layers in float")
    if found.precision in {Precision.FP16, Precision.W8A32}:
        told.append("its arithmetic is float: smaller weights save space but not time")
    if saturates():
        told.append("this processor lacks VNNI, the instructions that fast INT8 kernels use")
    return told


def measure(sessions: Sequence[Session], picture: Tensor32) -> Latency:
    """Time the float session, and the quantized one if given, interleaved on one (1, H, W, C) picture.

    They must have been opened with one thread.
    """
    for session in [*sessions] * _WARM_UPS:
        session(picture)
    rounds = [[_both_ms(session, picture) for session in sessions] for _ in range(_ROUNDS)]
    (slow, slow_wall), *others = (zip(*times, strict=True) for times in zip(*rounds, strict=True))
    if not others:
        return Latency(percentiles(slow), float_wall=percentiles(slow_wall))
    fast, fast_wall = others[0]
    return Latency(
        percentiles(slow),
        percentiles(fast),
        bootstrap_ratio(slow, fast),
        percentiles(slow_wall),
        percentiles(fast_wall),
    )


def _both_ms(session: Session, picture: Tensor32) -> tuple[float, float]:
    """CPU time of this thread, and time on the wall."""
    start, wall_start = time.thread_time(), time.perf_counter()
    session(picture)
    wall = time.perf_counter() - wall_start
    return 1000 * (time.thread_time() - start), 1000 * wall
