"""Two records over time: what counts as slower, and which differences are listed."""

from dataclasses import replace

import numpy as np
import pytest

from edgewise.runtime.bench.history import differences, slower
from edgewise.runtime.bench.record import BenchedModel, Conditions, Engine, Machine, Record, Trust
from edgewise.runtime.bench.timing import percentiles


def record(p50_ms: float, spread_ms: float = 0.01, **changes: object) -> Record:
    """A record of 60 normally distributed samples."""
    noise = np.random.default_rng(0).normal(0, spread_ms, 60)
    samples = tuple(float(sample) for sample in p50_ms + noise - np.median(noise))
    made = Record(
        id="0123456789",
        run="run",
        started="2026-11-20T12:00:00Z",
        edgewise="0.1.0",
        device="ssh://pi@board",
        machine=Machine("Board 5", "Linux", "6.1", "glibc", "aarch64", "A76", None, 4, 8, "Python", None),
        model=BenchedModel("tiny", "tflite", "w8a8", "model", "ab" * 32, 1000),
        engine=Engine("LiteRT", "2.3.0", "XNNPACK", 1, 1),
        golden=None,
        threads=1,
        cpus=None,
        load_ms=1.5,
        first_ms=5.0,
        warm_ups=5,
        samples_ms=samples,
        end_to_end_ms=(),
        peak_rss_bytes=None,
        energy_mj=None,
        before=Conditions(
            "2026-11-20T12:00:00Z",
            governors=("performance",) * 4,
            frequencies_mhz=(1500.0, 2400.0),
            temperatures_c={"cpu": 51.0, "gpu": 50.0},
        ),
        after=None,
        others=0.0,
        interrupted=None,
        summary=percentiles(samples),
        end_to_end=None,
        drift=1.0,
        verdict=Trust(trusted=True),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_fifth_more_time_is_slower() -> None:
    assert slower(record(4.8), record(4.0)) == (
        "tiny tflite w8a8 got slower on ssh://pi@board: "
        "4.80 ms, 1.20 times the 4.00 ms measured on 2026-11-20 (01234567)"
    )


@pytest.mark.parametrize(
    ("now", "then"),
    [
        pytest.param(record(4.0), record(4.0), id="the same"),
        pytest.param(record(3.0), record(4.0), id="faster"),
        pytest.param(record(4.1), record(4.0), id="beyond the spread, but less than runs differ"),
        pytest.param(record(4.8, 1.0), record(4.0), id="within the spread of the new one"),
        pytest.param(record(4.8), record(4.0, 1.0), id="within the spread of the old one"),
    ],
)
def test_differences_within_the_spread_are_not_slower(now: Record, then: Record) -> None:
    assert slower(now, then) is None


def test_an_untrusted_figure_is_marked() -> None:
    doubted = record(4.8, verdict=Trust(trusted=False, reasons=("drift",)))
    assert (slower(doubted, record(4.0)) or "").endswith("; but this figure is not trusted")


def test_emulated_times_are_not_compared() -> None:
    emulated = replace(record(4.0).machine, emulated="qemu-user")
    assert slower(record(8.0, machine=emulated), record(4.0)) is None
    assert slower(record(8.0), record(4.0, machine=emulated)) is None


def test_only_what_differs_is_named() -> None:
    older = record(4.0)
    assert differences(older, record(9.0)) == {}
    newer = record(
        4.0,
        engine=replace(older.engine, version="2.4.0"),
        before=Conditions("2026-11-21T12:00:00Z", governors=("ondemand",), temperatures_c={"cpu": 80.0}),
    )
    assert differences(older, newer) == {
        "engine version": ("2.3.0", "2.4.0"),
        "governors": (["performance"], ["ondemand"]),
        "highest frequency, MHz": (2400.0, None),
        "highest temperature, °C": (51.0, 80.0),
    }


def test_conditions_may_be_unknown() -> None:
    assert differences(record(4.0, before=None), record(4.0, before=None)) == {}
