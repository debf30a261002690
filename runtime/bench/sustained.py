"""A model that runs for minutes: a time line, the state that it settles in, and whether it slowed down.

Heat shows only after minutes: a heat sink takes that long to warm up, and until then a board is faster than
it will be in use.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

_WINDOWS, _SHORTEST_S = 60, 1.0
_ALIKE = 0.05  # the drift that `trust` allows
_FEWEST = 4  # windows, so that there is a last quarter


@dataclass(frozen=True, slots=True)
class Sustained:
    """A time line in windows of `window_s` seconds, and what it shows.

    By window: median and 90th percentile, and the last frequency and temperature that were read, 0 if none
    was. `start_ms` is the median of the first window and `steady_ms` that of all from `settled_s` seconds on,
    after which no window differs from the last quarter by more than 5 %; None if it did not settle in time.
    `slowdown` is the last quarter's median divided by the first window's.
    """

    seconds: float
    window_s: float
    p50_ms: tuple[float, ...]
    p90_ms: tuple[float, ...]
    mhz: tuple[float, ...]
    celsius: tuple[float, ...]
    start_ms: float
    steady_ms: float | None
    settled_s: float | None
    slowdown: float

    @property
    def throttled(self) -> bool | None:
        """Whether the frequency fell along with the speed; None if the frequency is unknown."""
        known = [mhz for mhz in self.mhz if mhz]
        if len(known) < 2:
            return None
        return self.slowdown > 1 + _ALIKE and known[-1] < (1 - _ALIKE) * known[0]

    @property
    def words(self) -> str:
        """What it shows, in a sentence."""
        told = f"{self.seconds:.0f} s alone: {self.start_ms:.2f} ms at first, "
        if self.steady_ms is None or self.settled_s is None:
            return f"{told}and it did not settle"
        told += f"{self.steady_ms:.2f} ms once it had settled after {self.settled_s:.0f} s"
        if self.slowdown <= 1 + _ALIKE:
            return f"{told}, no slowdown"
        why = {
            True: "as the frequency fell",
            False: "at the same frequency",
            None: "for a reason that the device does not show",
        }
        return f"{told}, {100 * (self.slowdown - 1):.0f} % slower {why[self.throttled]}"


@dataclass(slots=True)
class TimeLine:
    """What arrives while a model runs: for each block its start in seconds, its times, and what was seen."""

    blocks: list[tuple[float, list[float]]] = field(default_factory=list)
    seen: list[tuple[float, float, float]] = field(default_factory=list)

    def add(self, at_s: float, times_ms: list[float], mhz: float | None, celsius: float | None) -> None:
        """Add a block."""
        self.blocks.append((at_s, times_ms))
        if mhz or celsius:
            self.seen.append((at_s, mhz or 0.0, celsius or 0.0))

    @property
    def samples_ms(self) -> list[float]:
        """All times."""
        return [time for _, times in self.blocks for time in times]

    def summary(self) -> Sustained | None:
        """The time line; None if it is too short for one."""
        if not self.blocks:
            return None
        at_s, last = self.blocks[-1]
        seconds = at_s + sum(last) / 1000
        window_s = max(_SHORTEST_S, seconds / _WINDOWS)
        windows: dict[int, list[float]] = {}
        for start, times in self.blocks:
            windows.setdefault(int(start / window_s), []).extend(times)
        if len(windows) < _FEWEST:
            return None
        middle = [float(np.median(times)) for times in windows.values()]
        settled = _settled(middle)
        places = [*windows]
        steady = (
            [time for place in places[settled:] for time in windows[place]] if settled is not None else []
        )
        return Sustained(
            seconds=seconds,
            window_s=window_s,
            p50_ms=tuple(middle),
            p90_ms=tuple(float(np.percentile(times, 90)) for times in windows.values()),
            mhz=self._last(1, places, window_s),
            celsius=self._last(2, places, window_s),
            start_ms=middle[0],
            steady_ms=float(np.median(steady)) if steady else None,
            settled_s=None if settled is None else places[settled] * window_s,
            slowdown=_end(middle) / middle[0],
        )

    def _last(self, column: int, places: Sequence[int], window_s: float) -> tuple[float, ...]:
        found = dict.fromkeys(places, 0.0)
        for moment in self.seen:
            if (place := int(moment[0] / window_s)) in found and moment[column]:
                found[place] = moment[column]
        return tuple(found.values())


def _end(middle: Sequence[float]) -> float:
    return float(np.median(middle[-(len(middle) // 4) :]))


def _settled(middle: Sequence[float]) -> int | None:
    """The first window from which on all are like the end; None if that is in the second half."""
    end, first = _end(middle), len(middle)
    while first and abs(middle[first - 1] / end - 1) <= _ALIKE:
        first -= 1
    return first if first <= len(middle) // 2 else None
