"""The time line of a model that runs for minutes: what it settles in, and what slowed it down."""

from collections.abc import Callable

import pytest

from edgewise.runtime.bench.sustained import Sustained, TimeLine


def run(time_ms: Callable[[int], float], mhz: Callable[[int], float | None], seconds: int = 120) -> Sustained:
    """A model that takes `time_ms(second)`, at `mhz(second)`, in blocks of half a second."""
    line = TimeLine()
    for half in range(2 * seconds):
        line.add(half / 2, [time_ms(half // 2)] * 10, mhz(half // 2), 50.0 + half / 20)
    found = line.summary()
    assert found is not None
    return found


def test_a_steady_model() -> None:
    found = run(lambda _: 2.01, lambda _: 2400.0)
    assert len(found.p50_ms) == 60
    assert found.window_s == pytest.approx(2, abs=0.01)
    assert found.settled_s == 0
    assert found.steady_ms == pytest.approx(2.01)
    assert found.slowdown == pytest.approx(1, abs=0.01)
    assert found.throttled is False
    assert found.words == "120 s alone: 2.01 ms at first, 2.01 ms once it had settled after 0 s, no slowdown"


def test_a_board_that_throttles_after_a_minute() -> None:
    found = run(lambda second: 2.0 if second < 50 else 3.0, lambda second: 2400.0 if second < 50 else 1600.0)
    assert found.start_ms == 2.0
    assert found.steady_ms == 3.0
    assert found.settled_s == pytest.approx(50, abs=2.1)
    assert (found.slowdown, found.throttled) == (1.5, True)
    assert found.words.endswith("50 % slower as the frequency fell")
    assert found.mhz[0] == 2400
    assert found.celsius[-1] == pytest.approx(62, abs=0.1)


def test_a_slowdown_without_a_lower_frequency_is_told_apart() -> None:
    slower = run(lambda second: 2.0 if second < 50 else 3.0, lambda _: 2400.0)
    assert slower.throttled is False
    assert slower.words.endswith("50 % slower at the same frequency")
    unknown = run(lambda second: 2.0 if second < 50 else 3.0, lambda _: None)
    assert unknown.throttled is None
    assert unknown.words.endswith("50 % slower for a reason that the device does not show")


def test_one_that_still_slows_down_has_not_settled() -> None:
    found = run(lambda second: 2.0 + second / 60, lambda _: 2400.0)
    assert (found.steady_ms, found.settled_s) == (None, None)
    assert found.words == "120 s alone: 2.01 ms at first, and it did not settle"


def test_a_run_of_a_few_seconds_is_no_time_line() -> None:
    line = TimeLine()
    assert line.summary() is None
    line.add(0.0, [1.0], 2400.0, None)
    assert line.summary() is None
    assert line.samples_ms == [1.0]
