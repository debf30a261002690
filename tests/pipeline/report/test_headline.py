"""The verdict in plain sentences."""

from typing import Any

import pytest

from edgewise.pipeline.report.fields import Fields
from edgewise.pipeline.report.headline import headline, percent, points


def test_a_measured_pass(manifest: dict[str, Any]) -> None:
    found = headline(Fields(manifest))
    assert (found.verdict, found.title) == ("pass", "PASS")
    assert found.sentence == (
        "On 400 labelled pictures, the smaller model answers 88.75 % right and the original 88.00 %. It is "
        "safe to say (95 % confidence) that it loses no more than 1.00 point."
    )
    assert found.cost == (
        "The file has 3.89 MB and takes 2.07 ms for a picture on one thread of AMD EPYC, 1.87 times as fast "
        "as the original."
    )


@pytest.mark.parametrize(
    ("verdict", "low", "high", "words"),
    [
        ("fail", 2.0, 5.0, "between a loss of 2.00 and a loss of 5.00 points, with 95 % confidence"),
        (
            "inconclusive",
            -0.5,
            2.0,
            "the change lies between a gain of 0.50 and a loss of 2.00 points. About 900",
        ),
    ],
)
def test_other_measured_verdicts(
    manifest: dict[str, Any], verdict: str, low: float, high: float, words: str
) -> None:
    found = manifest["verification"]
    found["verdict"], found["drop"]["interval"] = verdict, {"low": low, "high": high}
    found["drop"]["images_to_settle"] = 900
    assert words in headline(Fields(manifest)).sentence


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("pass", "within the 1.00 point allowed"),
        ("fail", "At most 1.00 point is"),
        ("inconclusive", "not decide"),
    ],
)
def test_estimates(manifest: dict[str, Any], verdict: str, words: str) -> None:
    found = manifest["verification"] | {"verdict": verdict, "basis": "estimated", "drop": None}
    found["estimate"] = {"points": 0.3, "interval": {"low": 0.1, "high": 0.9}, "differing": 9, "count": 300}
    said = headline(Fields(manifest | {"verification": found}))
    assert said.title.endswith("(estimated)")
    assert "291 of 300 photographs" in said.sentence
    assert words in said.sentence


@pytest.mark.parametrize(
    ("verdict", "words"), [("unproven", "edgewise verify BUNDLE"), ("fail", "the 75 % requ")]
)
def test_generated_pictures(manifest: dict[str, Any], verdict: str, words: str) -> None:
    found = manifest["verification"] | {"verdict": verdict, "basis": "fidelity", "drop": None}
    said = headline(Fields(manifest | {"verification": found})).sentence
    assert said.startswith("Its accuracy is not known: it was judged by 400 generated pictures")
    assert words in said


def test_float_models(manifest: dict[str, Any]) -> None:
    assert "It answers 88.75 % of 400 labelled" in headline(Fields(manifest | {"precision": "fp32"})).sentence
    assert "not measured" in headline(Fields({"precision": "fp32"})).sentence


@pytest.mark.parametrize(
    "data", [{}, {"verification": {"verdict": "<b>", "drop": {"points": "x"}}}, {"latency": 3}]
)
def test_incomplete_manifests(data: dict[str, Any]) -> None:
    found = headline(Fields(data))
    assert (found.verdict, found.cost) == ("unproven", "The size of the file is unknown.")


def test_numbers() -> None:
    assert (percent(0.5), percent(0.5, 0), percent(None)) == ("50.00 %", "50 %", "unknown")
    assert (points(1), points(-1.5), points(None)) == ("1.00 point", "-1.50 points", "unknown")
