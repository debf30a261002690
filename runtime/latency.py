"""Latency of a float model and its INT8 form on this machine, fairly: in turn, one thread, CPU time.

CPU time of the one thread that works leaves out what other programs take from the machine.
"""

import time
from dataclasses import dataclass

from ..models.spec import Tensor32
from . import Session
from .timing import Percentiles, Ratio, bootstrap_ratio, percentiles

_WARM_UPS, _ROUNDS = 3, 30


@dataclass(frozen=True, slots=True)
class Comparison:
    """CPU milliseconds per picture of both models on one thread, and how many times faster INT8 is."""

    float: Percentiles
    quantized: Percentiles
    speedup: Ratio


def compare(exact: Session, quantized: Session, picture: Tensor32) -> Comparison:
    """Time both sessions, opened with one thread, on one (1, S, S, 3) picture, interleaved."""
    for _ in range(_WARM_UPS):
        exact(picture), quantized(picture)
    times = [(_cpu_ms(exact, picture), _cpu_ms(quantized, picture)) for _ in range(_ROUNDS)]
    slow, fast = zip(*times, strict=True)
    return Comparison(percentiles(slow), percentiles(fast), bootstrap_ratio(slow, fast))


def time_alone(session: Session, picture: Tensor32) -> Percentiles:
    """Time one session, opened with one thread, on one (1, S, S, 3) picture."""
    for _ in range(_WARM_UPS):
        session(picture)
    return percentiles([_cpu_ms(session, picture) for _ in range(_ROUNDS)])


def _cpu_ms(session: Session, picture: Tensor32) -> float:
    start = time.process_time()
    session(picture)
    return 1000 * (time.process_time() - start)
