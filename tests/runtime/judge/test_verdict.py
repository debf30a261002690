"""The gates: what passes, what fails, and the messages."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from edgewise.export.artifact import Artifact
from edgewise.models.errors import AccuracyError, ParityError, UsageError
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.quantize.calibration import generated
from edgewise.runtime.judge.drop import Verdict
from edgewise.runtime.judge.evaluation import Answers, Pictures, answers, given
from edgewise.runtime.judge.known import Known
from edgewise.runtime.judge.limits import Limits
from edgewise.runtime.judge.stats import parity
from edgewise.runtime.judge.tally import Tally
from edgewise.runtime.judge.verdict import Basis, Verification, require_parity
from edgewise.runtime.judge.verdict import judge as judge_tally
from edgewise.runtime.reference import TorchSession
from edgewise.runtime.tflite.session import TfliteSession

LIMITS = Limits(max_drop=1.0, min_agreement=0.9)


def answered(count: int, wrong: int, *, labelled: bool, lost: int = 0) -> Answers:
    """Two sessions that differ on the first `wrong` of `count` pictures; the first is wrong on `lost`."""
    labels = np.arange(count) % 3
    exact = np.eye(3, dtype=np.float32)[labels]
    quantized = exact.copy()
    quantized[:wrong] = np.roll(exact[:wrong], 1, axis=1)
    exact[count - lost :] = np.roll(exact[count - lost :], 1, axis=1)
    quantized[count - lost :] = exact[count - lost :]
    return Answers((exact, quantized), np.arange(count) + 2, labels if labelled else None, 2)


def judge(found: Answers, pictures: Pictures, limits: Limits, known: Known = Known()) -> Verification:  # noqa: B008
    """The verdict on logits."""
    return judge_tally(Tally.of(found), pictures, limits, known)


def set_of(description: str, *, generated: bool = False) -> Pictures:
    """Pictures of which only the answers matter; labelled ones have a label."""
    labels = (0,) if description == "photographs" else None
    found = given(np.zeros((0, 4, 4, 3), np.uint8), description)
    return replace(found, labels=labels, generated=generated)


def sure(found: Answers) -> Answers:
    """The same answers, of whose first model each has a probability above 0.999."""
    exact, quantized = found.logits
    return replace(found, logits=(10 * exact, quantized))


def test_a_correct_conversion_passes_and_a_perturbed_one_does_not(
    tiny_network: nn.Module, tiny_float: Artifact, tiny_spec: ModelSpec
) -> None:
    preprocess = tiny_spec.preprocess
    pictures = given(generated(preprocess, 8, 3).pixels, "pictures")
    exact = TfliteSession(tiny_float.path, 1)

    def against(network: nn.Module) -> Answers:
        return answers([TorchSession(network), exact], pictures, preprocess, lambda *_: None)

    found = require_parity(parity(*against(tiny_network).logits))
    assert found.max_rel < 1e-4
    assert (found.top1, found.count) == (1, 8)
    other = copy.deepcopy(tiny_network)
    with torch.no_grad():
        other.get_parameter("4.layers.3.weight").mul_(1.05)
    with pytest.raises(ParityError, match=r"by a relative .*, allowed 0\.001 .* of 8 pictures"):
        require_parity(parity(*against(other).logits))


def test_an_int8_file_fails_the_parity_gate(
    tiny_network: nn.Module, tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32
) -> None:
    sessions = TorchSession(tiny_network), TfliteSession(tiny_int8["int8"].path, 1)
    with pytest.raises(ParityError):
        require_parity(parity(sessions[0](tiny_pictures), sessions[1](tiny_pictures)))


@pytest.mark.parametrize(
    ("wrong", "verdict"), [(0, "unproven"), (10, "unproven"), (11, "fail"), (100, "fail")]
)
def test_generated_pictures_never_pass(wrong: int, verdict: str) -> None:
    found = judge(answered(100, wrong, labelled=False), set_of("leaves", generated=True), LIMITS)
    assert (found.verdict, found.title, found.basis) == (verdict, verdict.upper(), Basis.FIDELITY)
    assert found.passed == (verdict == "unproven")
    assert found.agreement.top1 == pytest.approx(1 - wrong / 100)
    assert (found.float_accuracy, found.quantized_accuracy, found.drop, found.estimate) == (None,) * 4
    assert found.reason().startswith(f"top-1 agreement {100 - wrong:.1f} % on 100 leaves")
    assert "at least 90 % required" in found.reason()
    assert ("--data DIR" in found.reason()) == ("--calib DIR" in found.reason()) == found.passed


def test_what_is_unproven_fails_if_strict_and_no_other_form_would_help() -> None:
    strict = Limits(1.0, 0.9, strict=True)
    found = judge(answered(100, 0, labelled=False), set_of("leaves", generated=True), strict)
    assert not found.passed
    assert not found.curable
    with pytest.raises(AccuracyError, match=r"accuracy gate unproven: .*SQNR 300\.0 dB, cosine 1\.0000; "):
        found.require()


@pytest.mark.parametrize(
    ("count", "wrong", "verdict"),
    [(50, 0, "inconclusive"), (400, 0, "pass"), (400, 4, "inconclusive"), (400, 40, "fail")],
)
def test_photographs_without_labels_give_an_estimate(count: int, wrong: int, verdict: str) -> None:
    found = judge(sure(answered(count, wrong, labelled=False)), set_of("photos"), LIMITS)
    assert (found.verdict, found.basis, found.drop) == (verdict, Basis.ESTIMATED, None)
    assert found.title == f"{verdict.upper()} (estimated)"
    assert found.estimate is not None
    assert found.estimate.points == pytest.approx(100 * wrong / count, abs=0.05)
    text = found.reason()
    assert text.startswith(f"estimated top-1 drop {100 * wrong / count:.2f} points (95 % interval ")
    assert f"on {count} pictures without labels, allowed 1; answers differ on {wrong}, " in text
    assert ("would settle it" in text) == (verdict == "inconclusive")
    if verdict == "fail":
        with pytest.raises(AccuracyError, match=r"accuracy gate fail \(estimated\): estimated top-1 drop"):
            found.require()


def test_too_little_agreement_fails_whatever_is_estimated() -> None:
    found = judge(answered(400, 60, labelled=False), set_of("photos"), Limits(100, 0.9))
    assert found.estimate is not None
    assert found.estimate.verdict is Verdict.PASS
    assert found.verdict is Verdict.FAIL
    assert found.reason().endswith("; top-1 agreement 85.0 %, at least 90 % required")


@pytest.mark.parametrize(
    ("least", "verdict", "relation"),
    [
        (93, Verdict.PASS, "at least the required 93 %"),
        (95, Verdict.INCONCLUSIVE, "too few pictures to tell whether that is the required 95 %"),
        (97, Verdict.FAIL, "below the required 97 %"),
    ],
)
def test_the_accuracy_itself_can_be_a_gate(least: float, verdict: Verdict, relation: str) -> None:
    # Both models are wrong on 100 of 2000 pictures, so nothing is lost.
    found = judge(
        answered(2000, 0, labelled=True, lost=100),
        set_of("photographs"),
        Limits(1.0, 0.9, min_top1=least),
    )
    assert found.drop is not None
    assert found.drop.verdict is Verdict.PASS
    assert found.verdict is verdict
    assert found.reason().endswith(f"; top-1 is 95.00 % (95 % interval 93.96 to 95.87), {relation}")
    assert found.curable == (verdict is not Verdict.FAIL), "the float model is no better"


def test_the_worst_of_two_gates_wins() -> None:
    found = judge(answered(2000, 100, labelled=True), set_of("photographs"), Limits(1.0, 0.9, min_top1=50))
    assert found.verdict is Verdict.FAIL
    assert "drops by 5.00 points" in found.reason()


def test_an_accuracy_needs_labels() -> None:
    with pytest.raises(UsageError, match=r"min_top1 70: .* labelled pictures; pass .*--data DIR"):
        judge(answered(100, 0, labelled=False), set_of("photos"), Limits(1.0, 0.9, min_top1=70))


def test_classes_that_changed_are_kept() -> None:
    found = judge(answered(300, 2, labelled=True), set_of("photographs"), LIMITS, Known(("a", "b", "c")))
    assert [(change.name, change.count, change.lost) for change in found.classes] == [
        ("a", 100, 1),
        ("b", 100, 1),
    ]


@pytest.mark.parametrize(
    ("count", "wrong", "verdict"),
    [
        (2000, 0, Verdict.PASS),
        (2000, 100, Verdict.FAIL),
        (2000, 20, Verdict.INCONCLUSIVE),
        (200, 1, Verdict.INCONCLUSIVE),
    ],
)
def test_with_labels_the_drop_is_the_gate(count: int, wrong: int, verdict: Verdict) -> None:
    found = judge(answered(count, wrong, labelled=True), set_of("photographs"), LIMITS)
    assert found.verdict is verdict
    assert found.drop is not None
    assert found.float_accuracy is not None
    assert found.quantized_accuracy is not None
    assert found.float_accuracy.top1 == 1
    assert found.quantized_accuracy.top1 == pytest.approx(1 - wrong / count)
    assert found.drop.points == pytest.approx(100 * wrong / count)
    text = found.reason()
    assert text.startswith(f"top-1 drops by {100 * wrong / count:.2f} points (95 % interval ")
    assert f"on {count} pictures, allowed 1" in text
    settling = verdict is Verdict.INCONCLUSIVE and wrong != count / 100  # at the limit nothing settles it
    assert ("would settle it" in text) == settling


def test_errors_shared_with_the_float_model_do_not_count() -> None:
    found = judge(answered(2000, 0, labelled=True, lost=1000), set_of("photographs"), LIMITS)
    assert found.verdict is Verdict.PASS
    assert found.float_accuracy is not None
    assert found.float_accuracy.top1 == 0.5


def test_a_gain_is_called_a_gain() -> None:
    base = answered(2000, 1000, labelled=True)
    mistaken = Answers(base.logits[::-1], base.indices, base.labels, base.skipped)
    text = judge(mistaken, set_of("photographs"), LIMITS).reason()
    assert text.startswith("top-1 gains 50.00 points (95 % interval 47.")
    assert text.endswith("on 2000 pictures, allowed drop 1")


def judged(wrong: int, *, strict: bool) -> Verification:
    return judge(answered(200, wrong, labelled=True), set_of("photographs"), Limits(1.0, 0.9, strict=strict))


@pytest.mark.parametrize("strict", [False, True])
def test_a_failure_is_raised(strict: bool) -> None:
    with pytest.raises(AccuracyError, match=r"accuracy gate fail: top-1 drops by 50\.00 points"):
        judged(100, strict=strict).require()
    judge(answered(5000, 0, labelled=True), set_of("photographs"), Limits(1.0, 0.9, strict=strict)).require()


def test_an_inconclusive_result_fails_only_with_strict() -> None:
    judged(1, strict=False).require()
    with pytest.raises(AccuracyError, match=r"accuracy gate inconclusive: .* would settle it"):
        judged(1, strict=True).require()


@pytest.mark.parametrize("labelled", [False, True])
def test_a_verification_goes_into_a_manifest(labelled: bool) -> None:
    pictures = set_of("photographs" if labelled else "pictures")
    found = judge(answered(300, 2, labelled=labelled), pictures, LIMITS).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["skipped"] == 2
    assert found["limits"] == {
        "max_drop": 1.0,
        "min_agreement": 0.9,
        "strict": False,
        "min_top1": None,
    }
    assert (found["drop"] is not None) == (found["estimate"] is None) == labelled


def test_the_worst_picture_is_named() -> None:
    found = answered(100, 0, labelled=False)
    found.logits[1][41] = [3, 2, 1]
    assert judge(found, set_of("leaves"), LIMITS).worst_picture == "number 43"
