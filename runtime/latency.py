"""Latency of a float model and its INT8 form on this machine, fairly: in turn, one thread, CPU time.

Time of the calling thread alone, which does all the work, leaves out what other programs take.
"""

import time
from dataclasses import dataclass

from ..models.spec import Tensor32
from . import Session
from .timing import Percentiles, Ratio, bootstrap_ratio, percentiles

_WARM_UPS, _ROUNDS = 3, 30


@dataclass(frozen=True, slots=True)
class Latency:
    """CPU milliseconds per picture on one thread, and how many times faster INT8 is (None without it)."""

    float: Percentiles
    quantized: Percentiles | None = None
    speedup: Ratio | None = None


def measure(exact: Session, quantized: Session | None, picture: Tensor32) -> Latency:
    """Time sessions that were opened with one thread on one (1, S, S, 3) picture, in turn."""
    sessions = [session for session in (exact, quantized) if session is not None]
    for session in sessions * _WARM_UPS:
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
