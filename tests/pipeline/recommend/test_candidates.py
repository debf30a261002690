"""Where each figure of a candidate comes from."""

from dataclasses import replace

import pytest

from edgewise.models.zoo import architectures
from edgewise.pipeline.recommend.candidates import Candidate, candidates
from edgewise.pipeline.sweep.figures import Share, SweepRow, SweptFile, SweptTime

FILE = SweptFile(
    "w8a8", "pass", "measured", "", "224", "ImageNet weights", "ab", 3_600_000, 14_000_000, 1e-6, 21.0,
    Share(0.95, 0.9, 1.0, 400), Share(0.7, 0.65, 0.74, 400), None, 70, 68, None,
)  # fmt: skip
TIME = SweptTime(
    "local", "A processor", "LiteRT", 1, 10.0, None, None, 11.0, 20_000_000, None, False, (), "", "1f"
)
ROW = SweepRow("mobilenetv2", "tflite", "w8a8", "cd", "/b", FILE, None, (TIME,), "ef", 1.0, None, False)


def found(*rows: SweepRow, device: str = "local") -> dict[tuple[str, str], Candidate]:
    return {(one.network, one.precision): one for one in candidates(rows, ["tflite"], device)}


def test_without_records_every_network_is_as_it_was_published() -> None:
    known = found()
    assert len(known) == 2 * len(architectures())
    one = known["mobilenetv2", "w8a8"]
    assert one.top1 is not None
    assert (one.top1.value, one.top1.source) == (72.0, "published")
    assert one.size_mb is not None
    assert (round(one.size_mb.value, 1), one.size_mb.source) == (3.5, "estimated")
    assert (one.latency_ms, one.memory_mb) == (None, None)


def test_a_record_replaces_what_was_published() -> None:
    one = found(ROW)["mobilenetv2", "w8a8"]
    figures = (one.top1, one.latency_ms, one.size_mb, one.memory_mb)
    assert [(figure.value, figure.source) for figure in figures if figure] == [
        (70.0, "measured"),
        (10.0, "measured"),
        (3.6, "measured"),
        (20.0, "measured"),
    ]
    assert one.latency_ms is not None
    assert one.latency_ms.note == "local, A processor, 1 thread, not trusted"


def test_random_weights_say_nothing_about_accuracy() -> None:
    row = replace(ROW, file=replace(FILE, weights="random weights, seed 0"))
    one = found(row)["mobilenetv2", "w8a8"]
    assert one.top1 is not None
    assert one.top1.source == "published"
    assert one.size_mb is not None
    assert one.size_mb.source == "measured"


def test_another_size_of_pictures_is_another_network() -> None:
    one = found(replace(ROW, file=replace(FILE, pixels="96")))["mobilenetv2", "w8a8"]
    assert one.latency_ms is None


@pytest.mark.parametrize(
    ("device", "time", "known"),
    [
        ("pi5", {"device": "ssh://pi@board", "processor": "Raspberry Pi 5 Model B Rev 1.0"}, True),
        ("pi4", {"device": "ssh://pi@board", "processor": "Raspberry Pi 5 Model B Rev 1.0"}, False),
        ("ssh://pi@board", {"device": "ssh://pi@board", "processor": None}, True),
        ("android", {"device": "adb:1f", "processor": "Pixel"}, True),
        ("local", {"device": "adb", "processor": "Pixel"}, False),
        ("a processor", {}, True),
    ],
)
def test_a_latency_is_of_the_device_that_was_asked_for(
    device: str, time: dict[str, str | None], known: bool
) -> None:
    made = SweptTime(**{name: time.get(name, getattr(TIME, name)) for name in TIME.__slots__})
    one = found(replace(ROW, times=(made,)), device=device)["mobilenetv2", "w8a8"]
    assert (one.latency_ms is not None) == known


def test_three_networks_give_a_pace_for_the_others() -> None:
    rows = [
        replace(ROW, network=row.name, times=(replace(TIME, p50_ms=20 * row.macs / 1e9),))
        for row in architectures()
        if row.name in {"mobilenetv2", "resnet18", "squeezenet1_1"} and row.macs
    ]
    known = found(*rows)
    one = known["resnet50", "w8a8"]
    assert one.latency_ms is not None
    assert one.latency_ms.source == "estimated"
    assert one.latency_ms.value == pytest.approx(20 * 4.1)
    assert known["resnet50", "fp32"].latency_ms is None
    assert found(*rows[:2])["resnet50", "w8a8"].latency_ms is None
