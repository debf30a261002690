"""What is shown at the end of an export and of a check."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from edgewise.cli.views.conversion import show_conversion, show_layers, show_recovery, show_verified
from edgewise.export.artifact import Artifact
from edgewise.export.precision import Precision
from edgewise.models.errors import ParityError
from edgewise.pipeline.conversion import Conversion
from edgewise.pipeline.failures import Failure
from edgewise.pipeline.fidelity import Fidelity
from edgewise.pipeline.product import Product
from edgewise.pipeline.recovery import Recovery, Trial
from edgewise.pipeline.steps import GateError
from edgewise.pipeline.verify import VerifiedBundle
from edgewise.pipeline.workshop import File, Twin
from edgewise.quantize.ladder import Rung
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine.sensitivity import LayerError
from edgewise.runtime import open_session, runtime
from edgewise.runtime.bench.latency import Latency
from edgewise.runtime.bench.timing import bootstrap_ratio, percentiles
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.devices.answers import BoardCheck
from edgewise.runtime.judge.evaluation import Answers, Pictures, given
from edgewise.runtime.judge.golden import GoldenCheck
from edgewise.runtime.judge.limits import Limits
from edgewise.runtime.judge.stability import stability
from edgewise.runtime.judge.stats import Parity, parity
from edgewise.runtime.judge.tally import Tally
from edgewise.runtime.judge.verdict import Verification, judge

SAME = Parity(max_abs=1e-5, max_rel=3e-6, top1=1, count=1)


def answers(*, labelled: bool) -> Answers:
    """Two models' logits for 100 pictures; the second is mistaken in four of them."""
    exact = np.eye(10, dtype=np.float32)[np.arange(100) % 10]
    other = exact.copy()
    other[:4] = other[5:9]
    return Answers((exact, other), np.arange(100), np.arange(100) % 10 if labelled else None, 3)


def pictures(description: str, *, generated: bool = False) -> Pictures:
    return replace(given(np.zeros((100, 1, 1, 3), np.uint8), description), generated=generated)


@pytest.fixture
def product(bundle: Path) -> Product:
    """The session's bundle, with invented answers and times."""
    opened = Bundle.open(bundle)
    assert opened.reference is not None
    exact, _ = answers(labelled=True).logits
    files = []
    for path, precision in ((opened.reference, Precision.FP32), (opened.model, Precision.W8A8)):
        artifact = Artifact(path, "tflite", precision, "float32", opened.spec)
        files.append((artifact, open_session(path, "tflite"), runtime("tflite").read_structure(path)))
    slow, fast = [4.0, 4.1, 4.2], [2.0, 2.1, 2.2]
    return Product(
        requested=Precision.W8A8,
        twin=Twin(*files[0], parity(exact, exact), "PyTorch"),
        file=File(*files[1]),
        verification=judge(Tally.of(answers(labelled=True)), pictures("val [1]"), Limits(1, 0.85)),
        latency=Latency(percentiles(slow), percentiles(fast), bootstrap_ratio(slow, fast)),
        bundle=opened,
    )


def shown(*products: Product) -> str:
    stream = io.StringIO()
    show_conversion(Console(file=stream, width=400), Conversion(products))
    return stream.getvalue()


def row(text: str, *names: str) -> list[str]:
    """The cells of one line of the table, after the first."""
    return next(line.split()[2:] for line in text.splitlines() if line.split()[:2] == [*names])


def test_the_table_has_both_files(product: Product) -> None:
    text = shown(product)
    before, after = (f"{file.structure.size_bytes / 1e6:.2f}" for file in (product.twin, product.file))
    assert row(text, "tflite", "fp32") == [before, "MB", "100.00", "%", "100.00", "%", "100", "4.10", "ms"]
    assert row(text, "tflite", "w8a8") == [after, "MB", "96.00", "%", "100.00", "%", "100", "2.10", "ms"]
    assert text.splitlines()[1].split() == ["size", "top-1", "top-5", "pictures", "latency"]


def test_a_twin_of_several_stands_once(product: Product) -> None:
    half = replace(product.file, artifact=replace(product.file.artifact, precision=Precision.FP16))
    lines = shown(product, replace(product, file=half)).splitlines()
    kinds = [line.split()[1] for line in lines if line.startswith("tflite ") and " ms" in line]
    assert kinds == ["fp32", "w8a8", "fp16"]


def test_the_verdict_and_its_conditions(product: Product) -> None:
    assert product.bundle is not None
    text = shown(product)
    assert "INCONCLUSIVE top-1 drops by 4.00 points (95 % interval " in text
    assert "on 100 pictures, allowed 1; about " in text
    assert "w8a8 against fp32: top-1 agreement 96.0 % of 100 val [1], SQNR " in text
    accuracies = (
        "fp32 100.00 % (95 % interval 96.30 to 100.00), of w8a8 96.00 % (95 % interval 90.16 to 98.43)"
    )
    worst = "class 0 loses 1 of 10, class 1 loses 1 of 10, class 2 loses 1 of 10"
    assert f"\ntop-1 of {accuracies} on 100 pictures; worst classes: {worst}\n" in text
    assert "(worst picture: number 0, 0." in text or "(worst picture: number 0, -0." in text
    assert "\nw8a8 is 1.95 times as fast as fp32 here (95 % interval " in text
    assert f"weights: mine.pth (sha256 {product.bundle.spec.origin.sha256[:12]})" in text
    assert "3 pictures could not be read and were skipped" in text
    assert text.splitlines()[-1] == f"{product.bundle.folder}/"


def test_a_file_with_an_error_of_ours_does_not_pass_silently(product: Product) -> None:
    assert "SUSPICIOUS" not in shown(product)
    wrong = replace(product, file=replace(product.file, fidelity=Fidelity(4.0, simulated_db=30.0)))
    text = shown(wrong)
    assert "SUSPICIOUS keeps less of the float logits than INT8 must: SQNR 4.0 dB, and 30.0 dB in the" in text
    assert "PASS" in text or "INCONCLUSIVE" in text


def test_a_file_that_is_slower_than_float_is_told_with_the_reason(product: Product) -> None:
    slow, fast = [4.0, 4.1, 4.2], [2.0, 2.1, 2.2]
    slower = Latency(percentiles(fast), percentiles(slow), bootstrap_ratio(fast, slow))
    pieces = replace(product.file, structure=replace(product.file.structure, whole=False, partitions=5))
    text = shown(replace(product, file=pieces, latency=slower))
    (line,) = [line for line in text.splitlines() if line.startswith("SLOWER than float ")]
    assert " w8a8 is 0.51 times as fast as fp32 here " in line
    assert "XNNPACK runs 5 partitions of the model" in line
    even = Latency(percentiles(fast), percentiles(fast), bootstrap_ratio(fast, [2.1, 2.0, 2.2]))
    assert "no faster than float w8a8 is 1.00 times" in shown(replace(product, latency=even))


def test_without_labels_there_is_no_accuracy(product: Product) -> None:
    leaves = pictures("generated dead leaves", generated=True)
    agreed = judge(Tally.of(answers(labelled=False)), leaves, Limits(1, 0.85))
    text = shown(replace(product, verification=agreed))
    assert row(text, "tflite", "fp32")[2:4] == ["-", "-"]
    assert "\ntop-1 was not measured: generated dead leaves have no labels\n" in text
    assert (
        "UNPROVEN top-1 agreement 96.0 % on 100 generated dead leaves (at least 85 % required), SQNR" in text
    )


def test_what_is_estimated_is_called_so(product: Product) -> None:
    guessed = judge(Tally.of(answers(labelled=False)), pictures("unlabelled pictures"), Limits(1, 0.85))
    text = shown(replace(product, verification=guessed))
    assert "\ntop-1 was not measured: unlabelled pictures have no labels\n" in text
    assert "\nINCONCLUSIVE (estimated) estimated top-1 drop " in text
    assert guessed.estimate is not None
    table = _recovered(product, guessed)
    assert f" ~{guessed.estimate.points:.2f} " in table
    assert "; ~ is estimated" in table


def test_a_float_bundle_has_one_row(product: Product) -> None:
    assert product.latency is not None
    alone = replace(product, file=product.twin, latency=Latency(product.latency.float))
    text = shown(alone)
    assert row(text, "tflite", "fp32")[2:4] == ["96.00", "%"]
    assert "w8a8" not in text


def test_json_is_plain_data(product: Product) -> None:
    assert product.bundle is not None
    conversion = Conversion((product,), ("a notice",), {"Load the network": 1.23456})
    document = json.loads(json.dumps(conversion.to_json(), allow_nan=False))
    assert (document["schema"], document["schema_version"]) == ("edgewise.conversion", 1)
    assert document["notices"] == ["a notice"]
    assert document["seconds"] == {"Load the network": 1.235}
    (found,) = document["bundles"]
    assert (found["verdict"], found["pace"]) == ("inconclusive", "faster")
    assert found["manifest"] == product.bundle.manifest
    assert found["bundle"] == str(product.bundle.folder)


def trial(product: Product, title: str, wrong: int, times: list[float]) -> Trial:
    """A rung with so many of 100 answers wrong, and such times."""
    exact = np.eye(10, dtype=np.float32)[np.arange(100) % 10]
    other = exact.copy()
    other[:wrong] = np.roll(exact[:wrong], 1, axis=1)
    answered = Answers((exact, other), np.arange(100), np.arange(100) % 10, 0)
    found = judge(Tally.of(answered), pictures("x"), Limits(1, 1))
    latency = Latency(percentiles([4.0, 4.0]), percentiles(times), None)
    return Trial(Rung(title, Recipe()), product.file, found, latency)


def test_what_was_tried_shows_its_pareto_front(product: Product) -> None:
    trials = [
        trial(product, "unchanged", 50, [2.0, 2.0]),
        trial(product, "no better and slower", 50, [3.0, 3.0]),
        trial(product, "better and slower", 10, [2.5, 2.5]),
        trial(product, "cured", 1, [2.6, 2.6]),
    ]
    assert trials[3].cures(trials[0])
    assert not trials[2].cures(trials[0])  # it still loses ten points
    stream = io.StringIO()
    show_recovery(Console(file=stream, width=200), Recovery(trials, trials[3], None))
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert [line.split()[-1] for line in lines[1:5]] == ["*", "MB", "*", "chosen"]
    assert lines[1].startswith("unchanged")
    assert " 50.00 " in lines[1]
    assert "on 100 pictures that are not used for the verdict" in lines[5]


def test_what_failed_stands_at_the_end_with_the_reason(product: Product) -> None:
    layers = [LayerError("a", "conv2d", (32, 7, 7), 2.25, 1.5)]
    error = GateError("onnx w8a8: accuracy gate fail: it loses [much]", layers)
    error.report = Path("dist/net[1].failed.html")
    failures = Failure("onnx", Precision.W8A8, error), Failure("openvino", Precision.W8A8, ParityError("no"))
    stream = io.StringIO()
    show_conversion(Console(file=stream, width=400), Conversion((product,), failures=failures))
    lines = stream.getvalue().splitlines()
    assert lines.index("tflite w8a8") < lines.index("onnx w8a8") < lines.index("openvino w8a8")
    after = lines[lines.index("onnx w8a8") :]
    assert after[1].startswith("worst layers")
    assert after[3] == f"! its report: {error.report}"
    assert after[4] == "FAILED onnx w8a8: accuracy gate fail: it loses [much]"
    assert after[-1] == "FAILED openvino w8a8: no"


def test_the_table_says_that_a_search_took_pictures_from_all_rows(product: Product) -> None:
    chosen = trial(product, "cured", 1, [2.6, 2.6])
    text = shown(product, replace(product, recovery=Recovery([chosen], chosen, None)))
    assert "\nevery row is judged by the same 100 pictures, which no search has seen\n" in text
    assert "which no search has seen" not in shown(product)


def test_what_other_calibration_pictures_would_change(product: Product) -> None:
    exact, other = answers(labelled=True).logits
    halves = replace(answers(labelled=True), logits=(exact, exact, other))
    found = stability(16, Tally.of(halves), product.verification.limits, generated=False)
    text = shown(replace(product, stability=found))
    assert "\ncalibrated with either half of the pictures (16 each), answers agree on 96.0 % of 100, " in text
    assert "drops of 0.00 and 4.00 points\n" in text
    assert "calibrated with" not in shown(product)


def _recovered(product: Product, found: Verification) -> str:
    tried = replace(trial(product, "unchanged", 4, [2.0, 2.0]), verification=found)
    stream = io.StringIO()
    show_recovery(Console(file=stream, width=200), Recovery([tried], None, None))
    return stream.getvalue()


def test_luck_is_no_cure(product: Product) -> None:
    """What failed on the pictures of the verdict may do well on others: it must differ on fewer, too."""
    failed, same = (trial(product, title, 1, [2.0, 2.0]) for title in ("unchanged", "hardly changed"))
    assert same.verification.passed
    assert not same.cures(failed)


@pytest.mark.parametrize(
    ("check", "distance"),
    [
        (GoldenCheck(0.0, 0.0, 0.98765, SAME), "exact"),
        (GoldenCheck(1.0, 0.01, 0.98765, SAME), "within 1 LSB"),
        (GoldenCheck(None, 2e-6, 0.98765, SAME), "relative difference 2.0e-06"),
    ],
)
def test_a_check_says_how_near_the_golden_sample_is(
    product: Product, check: GoldenCheck, distance: str
) -> None:
    stream = io.StringIO()
    assert product.bundle is not None
    show_verified(
        Console(file=stream, width=400), VerifiedBundle(product.bundle, check, product.verification)
    )
    _, golden, original, accuracy, verdict = stream.getvalue().splitlines()
    assert golden == f"golden sample: {distance}; cosine with the original network 0.9877"
    assert original == "fp32 against the original network: relative difference 3.0e-06"
    assert accuracy.startswith("top-1 of fp32 100.00 % (95 % interval ")
    assert verdict.startswith("INCONCLUSIVE ")


@pytest.mark.parametrize(
    ("board", "line"),
    [
        (BoardCheck("ssh://pi", "Board 5", 20, 20, 20, 0.0), "ssh://pi (Board 5): 20 of 20 answers are "),
        (
            BoardCheck("ssh://pi", None, 20, 3, 19, 0.0123),
            "ssh://pi: 3 of 20 answers are this machine's to the bit, ",
        ),
        (
            BoardCheck("ssh://pi", "B\x1b[2J", 1, 1, 1, 0.0),
            "ssh://pi (B\N{REPLACEMENT CHARACTER}[2J): 1 of 1 ",
        ),
    ],
)
def test_a_board_is_compared_with_this_machine(product: Product, board: BoardCheck, line: str) -> None:
    stream = io.StringIO()
    check = GoldenCheck(0.0, 0.0, 0.98765, SAME)
    found = VerifiedBundle(product.bundle, check, product.verification, board=board)
    show_verified(Console(file=stream, width=400), found)
    said = stream.getvalue().splitlines()[3]
    assert said.startswith(line)
    assert said.endswith(
        "to the bit" if board.max_rel == 0 else "19 have its best class; the largest difference is 1.2e-02"
    )


def test_layers_stand_worst_first_as_they_come() -> None:
    stream = io.StringIO()
    conv = LayerError("a[0]", "conv2d", (32, 7, 7), 2.25, 1.5)
    layers = [conv, LayerError("b", "linear", (4,), 30.0, 20.0)]
    show_layers(Console(file=stream, width=100), layers)
    _, first, second = stream.getvalue().splitlines()
    assert first.split() == ["a[0]", "conv2d", "32x7x7", "2.2", "dB", "1.5", "dB"]
    assert second.split() == ["b", "linear", "4", "30.0", "dB", "20.0", "dB"]


def test_no_layers_no_table() -> None:
    stream = io.StringIO()
    show_layers(Console(file=stream), [])
    show_recovery(Console(file=stream), None)
    assert stream.getvalue() == ""
