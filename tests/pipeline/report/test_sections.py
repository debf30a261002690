"""The tables."""

from typing import Any

from edgewise.pipeline.report import sections
from edgewise.pipeline.report.fields import Fields


def trial(title: str, agreement: float, time: float, size: int) -> dict[str, Any]:
    return {
        "title": title,
        "reason": f"because of {title}",
        "verification": {"agreement": {"top1": agreement, "sqnr_db": 20.0}},
        "latency": {"float": {"p50_ms": 9.0}, "quantized": {"p50_ms": time}},
        "size_bytes": size,
    }


def test_accuracy(manifest: dict[str, Any]) -> None:
    rows = {title: (exact, own) for title, exact, own in sections.accuracy(Fields(manifest))}
    assert rows["top-1 accuracy"] == ("88.00 % (84.4 to 90.8)", "88.75 % (85.3 to 91.5)")
    assert rows["answers that agree"] == ("", "97.75 % (95.8 to 98.8)")
    assert rows["cosine of the logits"] == ("", "0.9965 (least 0.9896, hen/1.jpg)")
    assert rows["judged by"] == ("", "400 pictures (val)")


def test_time_and_size(manifest: dict[str, Any]) -> None:
    rows = dict(sections.latency(Fields(manifest)))
    assert (rows["size of the original"], rows["size of the file"]) == ("14.00 MB", "3.89 MB")
    assert rows["speed"] == "1.87 times as fast as float (95 % interval 1.85 to 1.88)"
    assert rows["measured on"] == "AMD EPYC, Linux"


def test_attempts_that_no_other_beats() -> None:
    trials = [trial("a", 0.8, 2.0, 4), trial("b", 0.9, 2.0, 4), trial("c", 0.95, 3.0, 5), {"title": "broken"}]
    found = sections.recovery(Fields({"recovery": trials}))
    assert [(row.title, row.front, row.milliseconds) for row in found] == [
        ("a", False, 2.0),
        ("b", True, 2.0),
        ("c", True, 3.0),
    ]


def test_processors(manifest: dict[str, Any]) -> None:
    assert {said for _, said in sections.processors(Fields(manifest))} == {"the verdict holds"}
    manifest["processors"]["verdict_holds_for"] = ["arm64", "x86-vnni"]
    manifest["structure"]["overflow"] = [{"layer": "a"}, {"layer": "b"}]
    rows = dict(sections.processors(Fields(manifest)))
    assert rows["x86 without VNNI"] == "computes otherwise: products can exceed 16 bits in 2 layers"
    assert sections.processors(Fields({})) == []


def test_how_pictures_are_prepared(manifest: dict[str, Any]) -> None:
    rows = dict(sections.assumptions(Fields(manifest)))
    assert rows["channels"].startswith("RGB")
    assert rows["size"] == "224 x 224 pixels, the centre of a picture whose shorter side was resized to 256"
    assert rows["classes"] == "4: tench, <b>goldfish</b>, shark, ..."
    manifest["spec"]["preprocess"] |= {"size": [32, 96], "resize": [32, 96], "mean": [0.5], "std": [0.25]}
    rows = dict(sections.assumptions(Fields(manifest)))
    assert rows["channels"] == "grey"
    assert (
        rows["size"] == "32 x 96 pixels, the centre of a picture resized to 32 x 96, whatever its proportions"
    )
    assert rows["mean and standard deviation"] == "0.5 and 0.25, on the scale from 0 to 1"


def test_where_it_comes_from(manifest: dict[str, Any]) -> None:
    titles = [title for title, _ in sections.provenance(Fields(manifest))]
    assert titles == [
        "weights: mine.pth (file)",
        "calibration: 100 pictures (photos), their pixels",
        "mobilenetv2-w8a8.onnx",
        "mobilenetv2-fp32.onnx",
        "made with onnxruntime 1.32.0",
    ]
