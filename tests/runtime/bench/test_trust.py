"""Every reason against a record, on what real boards show, and conditions that are not a reason.

The boards are in `boards.toml`: their files are written below a folder and read by the product's functions.
"""

import os
import tomllib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgewise.runtime.bench.conditions import conditions, machine
from edgewise.runtime.bench.cores import fastest
from edgewise.runtime.bench.observed import Observer
from edgewise.runtime.bench.record import Conditions, Record
from edgewise.runtime.bench.trust import RULES, judge

DATA = tomllib.loads(Path(__file__).with_name("boards.toml").read_text("utf-8"))
BOARDS, TRUSTED, CASES = DATA["boards"], DATA["trusted"], DATA["cases"]
PARTS = ("cores", "zones", "cooling", "vcgencmd", "throttle_count", "load")
Observe = Callable[[dict[str, Any]], Record]


def name(case: dict[str, Any]) -> str:
    return str(case["name"])


def described(case: dict[str, Any]) -> dict[str, Any]:
    """The case's board with its changes; a table of the case changes single entries, an empty one all."""
    board: dict[str, Any] = deepcopy(BOARDS[case["board"]])
    for part in PARTS:
        if part in case:
            mixed = isinstance(case[part], dict) and case[part]
            board[part] = board.get(part, {}) | case[part] if mixed else case[part]
    return board


def grow(root: Path, board: dict[str, Any]) -> None:
    """Write the files that such a board shows."""
    files = {"proc/device-tree/model": f"{board['model']}\0"}
    if load := board.get("load", 0.2):
        files["proc/loadavg"] = f"{load} 0.1 0.1 1/99 99\n"
    number = 0
    for count, part, capacity, highest, current, governor in board["cores"]:
        for core in range(number, number + count):
            folder = f"sys/devices/system/cpu/cpu{core}"
            told = {
                "cpu_capacity": capacity,
                "cpufreq/cpuinfo_max_freq": highest,
                "cpufreq/scaling_cur_freq": current,
                "cpufreq/scaling_governor": governor,
                "thermal_throttle/core_throttle_count": board.get("throttle_count", 0) if core == 0 else 0,
            }
            if "throttle_count" not in board:
                del told["thermal_throttle/core_throttle_count"]
            kept = {name: value for name, value in told.items() if value or "throttle" in name}
            files |= {f"{folder}/{name}": f"{value}\n" for name, value in kept.items()}
            line = f"CPU part\t: {part}\n" if part else "model name\t: some x86\n"
            files["proc/cpuinfo"] = files.get("proc/cpuinfo", "") + f"processor\t: {core}\n{line}\n"
        number += count
    for place, (zone, (degrees, *trips)) in enumerate(board.get("zones", {}).items()):
        folder = f"sys/class/thermal/thermal_zone{place}"
        files |= {f"{folder}/type": f"{zone}\n", f"{folder}/temp": f"{degrees}\n"}
        for index, (kind, limit) in enumerate(trips):
            files[f"{folder}/trip_point_{index}_type"] = f"{kind}\n"
            files[f"{folder}/trip_point_{index}_temp"] = f"{limit}\n"
    for place, (kind, state) in enumerate(board.get("cooling", {}).items()):
        folder = f"sys/class/thermal/cooling_device{place}"
        files |= {f"{folder}/type": f"{kind}\n", f"{folder}/cur_state": f"{state}\n"}
    for file, text in files.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)


@pytest.fixture
def observe(records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Observe:
    """What a run of the undisturbed INT8 record would have been on a case's board."""

    def observe(case: dict[str, Any]) -> Record:
        board, root, programs = described(case), tmp_path / "root", tmp_path / "bin"
        grow(root, board)
        programs.mkdir()
        monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
        if answers := board.get("vcgencmd"):
            lines = [f"[ $1 = {command} ] && echo '{said}'" for command, said in answers.items()]
            program = programs / "vcgencmd"
            program.write_text("\n".join(["#!/bin/sh", *lines, "exit 0\n"]))
            program.chmod(0o755)
        cpus = tuple(case["cpus"]) if "cpus" in case else None
        seen = Observer(cpus, root).look()
        assert seen is not None
        cores = sum(group[0] for group in board["cores"])
        found = replace(machine(root), architecture=board["architecture"], cores=cores)
        count, each = case.get("samples", (120, 100.0))
        changes = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in case.get("record", {}).items()
        } | dict.fromkeys(case.get("hidden", ()))
        standard: dict[str, Any] = {
            "machine": replace(found, **case.get("machine", {})),
            "cpus": cpus,
            "before": conditions(root),
            "after": replace(conditions(root), **case.get("after", {})),
            "mhz": tuple(case.get("mhz", [seen.mhz] * 20 if seen.mhz else [])),
            "samples_ms": (each,) * count,
            "launches": (count // 5,) * 5,
        }
        return replace(records[1], **standard | changes)

    return observe


@pytest.mark.parametrize("case", TRUSTED, ids=name)
def test_what_is_trusted(case: dict[str, Any], observe: Observe) -> None:
    verdict = judge(observe(case))
    assert verdict.doubts == ()
    assert verdict.trusted


@pytest.mark.parametrize("case", CASES, ids=name)
def test_each_rule_on_a_board(case: dict[str, Any], observe: Observe) -> None:
    """Only the case's rule, and rules that mean the same, speak against the record."""
    record = observe(case)
    verdict = judge(record)
    assert not verdict.trusted
    against = {rule for rule, check in RULES.items() if [*check(record)]}
    if case["rule"] == "unknown":
        assert (against, verdict.unknown) == (set(), (case["unknown"],))
        assert verdict.doubts == (f"the device does not show {case['unknown']}",)
    else:
        assert against == {case["rule"], *case.get("also", ())}
        assert case["reason"] in verdict.reasons
        assert verdict.unknown == ()


def test_every_rule_and_every_board_has_a_case() -> None:
    assert {case["rule"] for case in CASES} == {*RULES, "unknown"}
    assert {case["board"] for case in (*CASES, *TRUSTED)} == {*BOARDS}
    assert len({name(case) for case in (*CASES, *TRUSTED)}) == len(CASES) + len(TRUSTED)


@pytest.mark.parametrize(
    ("board", "threads", "chosen"),
    [
        ("rk3588", 1, (4, 5, 6, 7)),
        ("rk3588", 4, (4, 5, 6, 7)),
        ("rk3588", 5, None),  # there are not enough of them
        ("jetson", 1, None),  # all are alike
        ("pi4", 4, None),
        ("n100", 1, None),
    ],
)
def test_the_fastest_cores_are_chosen_where_they_differ(
    board: str, threads: int, chosen: tuple[int, ...] | None, tmp_path: Path
) -> None:
    grow(tmp_path, BOARDS[board])
    count = sum(group[0] for group in BOARDS[board]["cores"])
    found = replace(machine(tmp_path), cores=count)
    assert fastest(found, range(count), threads) == chosen
    if board == "rk3588":  # in a container that allows two of a kind, these are the fastest
        assert fastest(found, range(2), 1) == (0, 1)


def test_a_phone_without_trip_points_is_judged_by_the_names_of_its_zones(records: list[Record]) -> None:
    """Android's thermal service names no trip points, and batteries and chargers are none of our business."""
    record = records[1]
    assert record.before is not None
    before = replace(record.before, limits_c=None)
    for zones, reasons in (
        ({"battery": 90.0, "cpu-0": 41.5}, ()),
        ({"battery": 30.0, "CPU1": 95.5}, ("CPU1 was at 96 degrees, and the limit is 80",)),
    ):
        hot = replace(record, before=replace(before, temperatures_c=zones), after=None)
        assert judge(hot).reasons == reasons


def test_everything_unknown_is_listed(records: list[Record]) -> None:
    silent = Conditions("2026-11-20T12:00:00Z")
    blank = replace(records[1].machine, core_capacities=None, highest_mhz=None)
    for moment in (silent, None):
        found = judge(replace(records[1], machine=blank, before=moment, after=moment, mhz=None, others=None))
        assert not found.trusted
        assert found.reasons == ()
        assert [words.split(" (")[0] for words in found.unknown] == [
            "its frequency",
            "its temperature",
            *(["whether its firmware throttles"] if moment else []),
            "whether its cores are equally fast",
            "how busy it was",
        ]


def test_all_reasons_are_listed(records: list[Record]) -> None:
    found = judge(replace(records[1], interrupted="killed", drift=2.0, others=0.5)).reasons
    assert [reason.split()[0] for reason in found] == ["the", "it", "other"]


@pytest.mark.parametrize(
    "change",
    [
        {"samples_ms": (200.0,) * 50},
        {"samples_ms": (0.1,) * 100_000},  # their sum is slightly less than ten seconds
        {"drift": 1.049},
        {"drift": 0.96},
        {"others": 0.049},
        {"mhz": (2400.0,) * 30 + (600.0,)},  # read in a moment without work
        {"mhz": (2400.0, 2250.0)},
    ],
)
def test_values_just_within_the_limits_are_trusted(records: list[Record], change: dict[str, Any]) -> None:
    assert judge(replace(records[1], **change)).doubts == ()


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (0x50000, 0x50000, None),  # some time before the run
        (0x0, 0x10000, "under-voltage"),
        (0x50000, 0xD0000, "the soft temperature limit"),
        (0x0, 0x60006, "a capped frequency and throttling"),
        (0x50005, 0x50005, "under-voltage and throttling"),  # during the whole run
        (0x50005, 0x50000, "under-voltage and throttling"),  # until the end of the run
        (None, 0x10000, None),  # perhaps before the run
        (None, 0x10001, "under-voltage"),
    ],
)
def test_throttle_bits_count_when_new_or_now(
    records: list[Record], before: int | None, after: int, reason: str | None
) -> None:
    record = records[1]
    assert record.before is not None
    first, last = (replace(record.before, throttled=bits) for bits in (before, after))
    found = judge(replace(record, before=first, after=last)).reasons
    assert found == (() if reason is None else (f"the board reported {reason}",))


def test_without_readings_during_the_run_its_ends_count(records: list[Record]) -> None:
    """As on phones: the fastest of the cores in use at the start and at the end."""
    record = replace(records[1], mhz=None)
    assert record.before is not None
    slept = replace(record, after=replace(record.before, frequencies_mhz=(600.0, 2400.0, 600.0, 600.0)))
    assert judge(slept).reasons == ()
    assert "the frequency changed from 2310 to 690 MHz" in judge(replace(slept, cpus=(0,))).reasons


def test_load_counts_if_the_share_of_others_is_unknown(records: list[Record]) -> None:
    record = records[1]
    assert record.before is not None
    busy = replace(record, before=replace(record.before, load=2.5))
    assert judge(busy).reasons == ()
    busy = replace(busy, others=None)
    assert judge(busy).reasons == ("the machine was busy before the run (load 2.5 on 4 cores)",)
    assert judge(replace(record, others=None)).reasons == ()
