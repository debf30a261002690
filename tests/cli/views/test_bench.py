"""What a person reads of a run: a Raspberry Pi's as it would be, and an emulated one's."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edgewise.cli.views.bench import show_run
from edgewise.runtime.bench.compare import comparisons
from edgewise.runtime.bench.record import Conditions, Record, Trust
from edgewise.runtime.bench.sustained import Sustained
from edgewise.runtime.bench.timing import SingleStream
from edgewise.runtime.judge.stats import Interval

Run = Callable[..., Any]
WHEN = "2026-11-20T12:00:00.000+00:00"


@pytest.fixture(scope="module")
def measured(edgewise: Run, bundle: Path) -> list[dict[str, Any]]:
    """Real records of this machine, as JSON."""
    options = ("--runs", 4, "--seconds", 0, "--launches", 1, "--no-save", "--json")
    return list(json.loads(edgewise("bench", bundle, *options).stdout)["records"])


@pytest.fixture
def records(measured: list[dict[str, Any]]) -> list[Record]:
    """The same as if of a quiet board."""
    before = Conditions(WHEN, ("performance",) * 4, (2400.0,) * 4, {"cpu-thermal": 51.2, "nvme": 30}, 0, 0.2)
    after = replace(before, temperatures_c={"cpu-thermal": 63.4}, load=1.1)
    found = [Record.from_json(record) for record in measured]
    machine = replace(
        found[0].machine, board="Raspberry Pi 5 Model B Rev 1.0", processor="Cortex-A76", cores=4
    )
    changes: dict[str, Any] = {"machine": machine, "before": before, "after": after, "others": 0.012}
    return [replace(record, verdict=Trust(trusted=True), **changes) for record in found]


def shown(records: list[Record], width: int = 120) -> list[str]:
    """The lines, without the spaces that place columns."""
    stream = io.StringIO()
    show_run(Console(file=stream, width=width, highlight=False), records, comparisons(records))
    return [" ".join(line.split()) for line in stream.getvalue().splitlines()]


def test_a_trusted_run(records: list[Record]) -> None:
    lines = shown(records)
    exact, int8 = records
    assert "mobilenetv2 on local, 1 thread" in lines
    assert lines[2].startswith("Raspberry Pi 5 Model B Rev 1.0, Cortex-A76, 4 cores, ")
    heading = lines.index("milliseconds p50 p90 p99 min CPU alone first load end to end memory MB samples")
    for line, record in zip(lines[heading + 1 :], (exact, int8), strict=False):
        times = (record.summary.p50_ms, record.summary.p90_ms)
        assert line.startswith(
            " ".join(["tflite", record.model.precision, *(f"{time:.2f}" for time in times)])
        )
    assert lines[heading + 1].endswith(f" {len(exact.samples_ms)}")
    assert lines[heading + 3] == comparisons(records)[0].sentence
    conditions = "governor performance, 2400 MHz, 51 °C to 63 °C, throttle bits 0x0, load 0.2 to 1.1"
    assert lines[heading + 4] == f"{conditions}, others took 1.2 % of the processors"
    assert f"mobilenetv2 tflite w8a8: LiteRT {int8.engine.version}, XNNPACK took" in "\n".join(lines)
    assert lines.count("trusted") == 2


def test_on_a_narrow_terminal_nothing_is_cut(records: list[Record]) -> None:
    assert "".join(shown(records, 50)).replace(" ", "") == "".join(shown(records, 200)).replace(" ", "")


def test_distrust_has_its_reasons(records: list[Record]) -> None:
    doubt = Trust(trusted=False, reasons=("the governor is ondemand, not performance", "too few [of them]"))
    lines = shown([replace(records[0], verdict=doubt), records[1]])
    assert "not trusted because the governor is ondemand, not performance; too few [of them]" in lines
    assert lines.count("trusted") == 1


def test_an_emulated_processor_has_no_latency(records: list[Record]) -> None:
    machine = replace(records[0].machine, board=None, emulated="qemu-aarch64 (cortex-a76)")
    doubt = Trust(trusted=False, reasons=("the processor is emulated by qemu-aarch64 (cortex-a76)",))
    emulated = [replace(record, machine=machine, verdict=doubt) for record in records]
    text = "\n".join(shown(emulated))
    assert text.count("no latency because the processor is emulated by qemu-aarch64 (cortex-a76)") == 2
    assert "golden sample exact" in text
    assert "milliseconds" not in text
    assert "times as fast" not in text
    for record in emulated:
        assert f"{record.summary.p50_ms:.2f}" not in text


def test_what_is_not_known_is_left_out(records: list[Record]) -> None:
    unknown = replace(
        records[1],
        before=None,
        after=None,
        others=None,
        golden=None,
        end_to_end=None,
        peak_rss_bytes=None,
        engine=replace(records[1].engine, delegate=None, operators=None, delegated=None),
        cpus=(2, 3),
        threads=2,
        energy_mj=12.34,
    )
    lines = shown([unknown])
    assert "mobilenetv2 on local, 2 threads on processors 2, 3" in lines
    assert "governor unknown" in lines
    version = unknown.engine.version
    expected = f"mobilenetv2 tflite w8a8: LiteRT {version}, no delegate; golden sample not checked; 12.3 mJ"
    assert any(line.startswith(expected) for line in lines)
    assert any(line.endswith(f" - - {len(unknown.samples_ms)}") for line in lines)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"max_rel": 0.0, "max_lsb": 0.0}, "golden sample exact"),
        ({"max_rel": 0.01, "max_lsb": 1.0}, "golden sample within 1 LSB"),
        ({"max_rel": 2e-6, "max_lsb": None}, "golden sample within 2.0e-06 (relative)"),
    ],
)
def test_the_golden_sample(records: list[Record], change: dict[str, Any], words: str) -> None:
    golden = records[1].golden
    assert golden is not None
    assert words in "\n".join(shown([replace(records[1], golden=replace(golden, **change))]))


def test_launches_single_stream_and_a_sustained_run(records: list[Record]) -> None:
    sustained = Sustained(
        120.0, 2.0, (2.0,) * 60, (2.1,) * 60, (2400.0,) * 60, (50.0,) * 60, 2.0, 3.0, 8.0, 1.5
    )
    full = replace(
        records[1],
        launches=(100,) * 5,
        p50_interval=Interval(1.98, 2.02),
        cpu=records[1].summary,
        alone=records[0].summary,
        single_stream=SingleStream(2048, 61.0, 2.345, enough=True),
        sustained=sustained,
        cpus=(4, 5),
        cpus_chosen=True,
        verdict=Trust(trusted=False, unknown=("its frequency", "its temperature")),
    )
    lines = shown([full])
    assert "mobilenetv2 on local, 1 thread on processors 4, 5 (the fastest ones)" in lines
    assert "median 1.98 to 2.02 ms (95 %, 5 launches)" in lines
    assert "p90 as MLPerf's single stream 2.35 ms (2,048 queries)" in lines
    assert sustained.words in lines
    assert "not trusted because the device does not show its frequency, its temperature" in lines
    short = replace(full, single_stream=SingleStream(64, 1.0, 2.345, enough=False))
    assert "p90 as MLPerf's single stream 2.35 ms (64 queries, shorter than MLPerf demands)" in shown([short])
