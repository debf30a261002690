"""What is seen of the machine while models run, and where they are put."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from edgewise.runtime.bench.conditions import machine
from edgewise.runtime.bench.observed import Moment, Observer, placed

CPU = "sys/devices/system/cpu"
ZONES = "sys/class/thermal"


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two slow cores, two fast ones, a zone with a limit and a hotter one without."""
    files = {f"{CPU}/cpu{core}/cpu_capacity": "400" if core < 2 else "1024" for core in range(4)}
    files |= {f"{CPU}/cpu{core}/cpufreq/scaling_cur_freq": f"{core + 1}000000" for core in range(4)}
    for place, (name, degrees) in enumerate({"big-thermal": 61_000, "wifi": 71_000}.items()):
        files |= {
            f"{ZONES}/thermal_zone{place}/type": name,
            f"{ZONES}/thermal_zone{place}/temp": f"{degrees}",
        }
    files |= {f"{ZONES}/thermal_zone0/trip_point_0_type": "passive"}
    files |= {f"{ZONES}/thermal_zone0/trip_point_0_temp": "85000"}
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_fastest_core_in_use_and_the_zone_that_has_a_limit(board: Path) -> None:
    assert Observer(None, board).look() == Moment(4000, 61)
    assert Observer((0, 1), board).look() == Moment(2000, 61)
    assert Observer((9,), board).look() == Moment(None, 61)  # unknown to the system
    (board / ZONES / "thermal_zone0/trip_point_0_temp").write_text("0\n")
    assert Observer(None, board).look() == Moment(4000, 71)


def test_the_firmware_knows_better(board: Path) -> None:
    program = board / "vcgencmd"
    program.write_text("#!/bin/sh\necho 'frequency(48)=1500345728'\n")
    program.chmod(0o755)
    seen = Observer(None, board).look()
    assert seen is not None
    assert seen.mhz == pytest.approx(1500.3, abs=0.1)


def test_it_does_not_look_again_at_once(board: Path) -> None:
    observer = Observer(None, board)
    assert observer.look() is not None
    assert observer.look() is None


def test_nothing_is_seen_where_nothing_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Observer(None, tmp_path).look() == Moment(None, None)


def test_models_are_put_on_the_fastest_cores_that_this_process_may_use(board: Path) -> None:
    found = machine(board)
    allowed = sorted(os.sched_getaffinity(0))
    slow, fast = allowed[0], allowed[-1]
    if slow == fast:
        pytest.skip("this machine has a single processor")
    capacities = tuple(1024 if core == fast else 400 for core in range(fast + 1))
    mixed = replace(found, core_capacities=capacities, cores=len(capacities))
    assert placed(mixed, None, 1) == ((fast,), True)
    assert placed(mixed, None, 2) == (None, False)  # there is only one of them
    assert placed(mixed, (slow,), 1) == ((slow,), False)  # as asked for
    alike = replace(mixed, core_capacities=(1024,) * len(capacities))
    assert placed(alike, None, 1) == (None, False)
