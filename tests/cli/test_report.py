"""What is shown at the end of an export and of a check."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from edgewise.cli._pipeline import Outcome
from edgewise.cli._report import show_check, show_layers, show_outcome, to_json
from edgewise.export._artifact import Bundle
from edgewise.runtime.evaluation import Answers, Pictures, given
from edgewise.runtime.golden import GoldenCheck
from edgewise.runtime.latency import Latency
from edgewise.runtime.layers import LayerError
from edgewise.runtime.stats import Parity, parity
from edgewise.runtime.tflite import structure
from edgewise.runtime.timing import bootstrap_ratio, percentiles
from edgewise.runtime.verify import Limits, judge

SAME = Parity(max_abs=1e-5, max_rel=3e-6, top1=1, count=1)


def answers(*, labelled: bool) -> Answers:
    """Two models' logits for 100 pictures; the second is mistaken in four of them."""
    exact = np.eye(10, dtype=np.float32)[np.arange(100) % 10]
    other = exact.copy()
    other[:4] = other[5:9]
    return Answers((exact, other), np.arange(100), np.arange(100) % 10 if labelled else None, 3)


def pictures(description: str) -> Pictures:
    return given(np.zeros((100, 1, 1, 3), np.uint8), description)


@pytest.fixture
def outcome(bundle: Path) -> Outcome:
    """The session's bundle, with invented answers and times."""
    opened = Bundle.open(bundle)
    assert opened.reference is not None
    exact, _ = answers(labelled=True).logits
    slow, fast = [4.0, 4.1, 4.2], [2.0, 2.1, 2.2]
    return Outcome(
        bundle=opened,
        parity=parity(exact, exact),
        verification=judge(answers(labelled=True), pictures("val [1]"), Limits(1, 0.85)),
        structure=structure(opened.model),
        latency=Latency(percentiles(slow), percentiles(fast), bootstrap_ratio(slow, fast)),
        float_bytes=opened.reference.stat().st_size,
        seconds={"Load the network": 1.23456},
    )


def shown(outcome: Outcome) -> str:
    stream = io.StringIO()
    show_outcome(Console(file=stream, width=400), outcome)
    return stream.getvalue()


def row(text: str, name: str) -> list[str]:
    """The cells of one line of the table."""
    return next(line.split() for line in text.splitlines() if line.startswith(name))


def test_the_table_has_both_files(outcome: Outcome) -> None:
    text = shown(outcome)
    before, after = f"{outcome.float_bytes / 1e6:.2f}", f"{outcome.bundle.model.stat().st_size / 1e6:.2f}"
    assert row(text, "fp32") == ["fp32", before, "MB", "100.00", "%", "100.00", "%", "4.10", "ms"]
    assert row(text, "w8a8")[:9] == ["w8a8", after, "MB", "96.00", "%", "100.00", "%", "2.10", "ms"]


def test_the_verdict_and_its_conditions(outcome: Outcome) -> None:
    text = shown(outcome)
    assert "INCONCLUSIVE top-1 drops by 4.00 points (95 % interval " in text
    assert "on 100 pictures, allowed 1; about " in text
    assert "top-1 agreement 96.0 % of 100 val [1], SQNR " in text
    assert "(worst picture: number 0, 0." in text or "(worst picture: number 0, -0." in text
    assert "w8a8 is 1.95 times as fast as fp32 here (95 % interval " in text
    assert f"weights: mine.pth (sha256 {outcome.bundle.spec.origin.sha256[:12]})" in text
    assert "3 pictures could not be read and were left out" in text
    assert text.splitlines()[-1] == f"{outcome.bundle.folder}/"


def test_a_model_in_pieces_is_warned_of(outcome: Outcome) -> None:
    pieces = replace(outcome.structure, whole=False, partitions=5)
    assert "XNNPACK runs 5 pieces" in shown(replace(outcome, structure=pieces))
    assert "pieces" not in shown(replace(outcome, structure=replace(pieces, whole=True, partitions=1)))


def test_without_labels_there_is_no_accuracy(outcome: Outcome) -> None:
    agreed = judge(answers(labelled=False), pictures("generated dead leaves"), Limits(1, 0.85))
    text = shown(replace(outcome, verification=agreed))
    assert row(text, "fp32")[3:5] == ["-", "-"]
    assert "PASS top-1 agreement 96.0 % on 100 generated dead leaves, need 85 %" in text


def test_a_float_bundle_has_one_row(outcome: Outcome) -> None:
    alone = replace(outcome.bundle, reference=None, precision="fp32")
    text = shown(replace(outcome, bundle=alone, latency=Latency(outcome.latency.float)))
    assert row(text, "fp32")[:3] == ["fp32", f"{outcome.float_bytes / 1e6:.2f}", "MB"]
    assert "w8a8" not in text


def test_json_is_plain_data(outcome: Outcome) -> None:
    document = json.loads(json.dumps(to_json(outcome, ["a notice"]), allow_nan=False))
    assert document["verdict"] == "inconclusive"
    assert document["notices"] == ["a notice"]
    assert document["seconds"] == {"Load the network": 1.235}
    assert document["manifest"] == outcome.bundle.manifest
    assert document["bundle"] == str(outcome.bundle.folder)


@pytest.mark.parametrize(
    ("check", "distance"),
    [
        (GoldenCheck(0.0, 0.0, 0.98765, SAME), "exact"),
        (GoldenCheck(1.0, 0.01, 0.98765, SAME), "1 LSB at most"),
        (GoldenCheck(None, 2e-6, 0.98765, SAME), "2.0e-06 relatively"),
    ],
)
def test_a_check_says_how_near_the_golden_sample_is(
    outcome: Outcome, check: GoldenCheck, distance: str
) -> None:
    stream = io.StringIO()
    show_check(Console(file=stream, width=400), outcome.bundle, check, outcome.verification)
    _, golden, original, verdict = stream.getvalue().splitlines()
    assert golden == f"golden sample: {distance}; cosine with the original network 0.9877"
    assert original == "fp32 against the original network: 3.0e-06 relatively"
    assert verdict.startswith("INCONCLUSIVE ")


def test_layers_stand_worst_first_as_they_come() -> None:
    stream = io.StringIO()
    layers = [LayerError("a[0]", "CONV_2D", (1, 7, 7, 32), 2.25), LayerError("b", "ADD", (1, 4), 30.0)]
    show_layers(Console(file=stream, width=100), layers)
    _, first, second = stream.getvalue().splitlines()
    assert first.split() == ["a[0]", "CONV_2D", "7x7x32", "2.2", "dB"]
    assert second.split() == ["b", "ADD", "4", "30.0", "dB"]


def test_no_layers_no_table() -> None:
    stream = io.StringIO()
    show_layers(Console(file=stream), [])
    assert stream.getvalue() == ""
