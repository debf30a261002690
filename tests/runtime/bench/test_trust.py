"""Every reason against a record, one at a time, and conditions that are not a reason."""

from dataclasses import replace
from typing import Any

import pytest

from edgewise.runtime.bench.record import Conditions, Record
from edgewise.runtime.bench.trust import judge


@pytest.fixture
def record(records: list[Record]) -> Record:
    """The INT8 record, trusted."""
    return records[1]


def moments(record: Record, before: dict[str, Any], after: dict[str, Any]) -> Record:
    """The record with changed conditions at the start and at the end."""
    assert record.before is not None
    return replace(record, before=replace(record.before, **before), after=replace(record.before, **after))


def reasons(record: Record) -> tuple[str, ...]:
    verdict = judge(record)
    assert verdict.trusted == (not verdict.reasons)
    return verdict.reasons


def test_an_undisturbed_run_is_trusted(record: Record) -> None:
    assert reasons(record) == ()


def test_unknown_values_do_not_count_against_a_record(record: Record) -> None:
    silent = Conditions("2026-11-20T12:00:00Z")
    assert reasons(replace(record, before=silent, after=silent, others=None)) == ()
    assert reasons(replace(record, before=None, after=None, others=None)) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"interrupted": "connection lost"}, "the run was interrupted (connection lost)"),
        ({"samples_ms": (300.0,) * 49}, "too few samples (49, needs 50)"),
        ({"samples_ms": (30.0,) * 200}, "too short (6.0 s of samples, needs 10)"),
        ({"drift": 1.08}, "it drifted (the last quarter was 8 % slower than the first)"),
        ({"drift": 0.9}, "it drifted (the last quarter was 10 % faster than the first)"),
        ({"others": 0.2}, "other programs used 20 % of the processor time"),
    ],
)
def test_each_reason_in_words(record: Record, change: dict[str, Any], reason: str) -> None:
    assert reasons(replace(record, **change)) == (reason,)


@pytest.mark.parametrize(
    "change",
    [
        {"samples_ms": (200.0,) * 50},
        {"samples_ms": (0.1,) * 100_000},  # their sum is slightly less than ten seconds
        {"drift": 1.049},
        {"drift": 0.96},
        {"others": 0.049},
    ],
)
def test_values_just_within_the_limits_are_trusted(record: Record, change: dict[str, Any]) -> None:
    assert reasons(replace(record, **change)) == ()


def test_all_reasons_are_listed(record: Record) -> None:
    found = reasons(replace(record, interrupted="killed", drift=2.0, others=0.5))
    assert [reason.split()[0] for reason in found] == ["the", "it", "other"]


def test_an_emulated_processor(record: Record) -> None:
    machine = replace(record.machine, emulated="qemu-aarch64 (cortex-a72)")
    found = reasons(replace(record, machine=machine))
    assert found == ("the processor is emulated by qemu-aarch64 (cortex-a72)",)


def test_only_the_governors_of_used_cores_count(record: Record) -> None:
    mixed = moments(record, {"governors": ("ondemand", "performance", "", "performance")}, {})
    assert reasons(mixed) == ("the governor is ondemand, not performance",)
    assert reasons(replace(mixed, cpus=(1, 2, 3))) == ()
    assert reasons(replace(mixed, cpus=(0, 1))) == ("the governor is ondemand, not performance",)
    both = moments(record, {"governors": ("ondemand",)}, {"governors": ("powersave",)})
    assert reasons(both) == ("the governor is ondemand and powersave, not performance",)


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
    record: Record, before: int | None, after: int, reason: str | None
) -> None:
    found = reasons(moments(record, {"throttled": before}, {"throttled": after}))
    assert found == (() if reason is None else (f"the board reported {reason}",))


def test_a_frequency_that_fell(record: Record) -> None:
    fell = moments(record, {}, {"frequencies_mhz": (1500.0,) * 4})
    assert reasons(fell) == ("the frequency changed from 2400 to 1500 MHz",)
    assert reasons(moments(record, {}, {"frequencies_mhz": (2250.0,) * 4})) == ()


def test_an_idle_core_does_not_count_unless_it_is_used(record: Record) -> None:
    slept = moments(record, {}, {"frequencies_mhz": (600.0, 2400.0, 600.0, 600.0)})
    assert reasons(slept) == ()
    assert reasons(replace(slept, cpus=(0,))) == ("the frequency changed from 2400 to 600 MHz",)
    assert reasons(replace(slept, cpus=(7,))) == ()  # unknown to the device


def test_heat_counts_where_the_processor_throttles(record: Record) -> None:
    hot = moments(record, {}, {"temperatures_c": {"cpu-thermal": 81.3, "battery": 30.0}})
    assert reasons(hot) == ("the processor was at 81 degrees, where it throttles",)
    assert reasons(moments(record, {}, {"temperatures_c": {"charger": 90.0}})) == ()
    pc = replace(hot, machine=replace(hot.machine, architecture="x86_64"))
    assert reasons(pc) == ()


def test_load_counts_if_the_share_of_others_is_unknown(record: Record) -> None:
    busy = moments(record, {"load": 2.5}, {})
    assert reasons(busy) == ()
    busy = replace(busy, others=None)
    assert reasons(busy) == ("the machine was busy before the run (load 2.5 on 4 cores)",)
    assert reasons(moments(replace(record, others=None), {"load": 1.9}, {})) == ()
