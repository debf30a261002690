"""The gates: nothing is called a success, or int8, before it has passed them."""

from dataclasses import asdict, dataclass
from typing import Any

from ...models.errors import AccuracyError, ParityError
from ..machine import isa
from .drop import Drop, Verdict, drop
from .evaluation import Answers, Pictures
from .stats import Accuracy, Agreement, Parity, accuracy, agreement, correct

# Float conversions of networks from AlexNet to ViT differ by 1e-6 to 1e-5 relatively, a wrong one by 1e-2.
MAX_RELATIVE = 1e-3


@dataclass(frozen=True, slots=True)
class Limits:
    """What a quantized model may lose.

    `max_drop` is in percentage points of top-1, for labelled pictures; `min_agreement`, a fraction, is for
    pictures without labels. `strict` fails what the pictures cannot decide.
    """

    max_drop: float
    min_agreement: float
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """How the quantized model answers, beside its float twin, and what the gate says.

    Without labels `float_accuracy`, `quantized_accuracy` and `drop` are None and the gate is agreement.
    `isa` is the instruction set, on which INT8 arithmetic may depend.
    """

    pictures: str
    skipped: int
    worst_picture: str
    agreement: Agreement
    float_accuracy: Accuracy | None
    quantized_accuracy: Accuracy | None
    drop: Drop | None
    limits: Limits
    verdict: Verdict
    isa: str

    @property
    def passed(self) -> bool:
        """Whether the gate lets it through."""
        return self.verdict is Verdict.PASS or (
            self.verdict is Verdict.INCONCLUSIVE and not self.limits.strict
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data for a manifest or a report."""
        return asdict(self)

    def require(self) -> None:
        """Raise an `AccuracyError` where the gate is not passed."""
        if not self.passed:
            raise AccuracyError(f"accuracy gate {self.verdict}: {self.reason()}")

    def reason(self) -> str:
        """The verdict's figures in one sentence."""
        if self.drop is None:
            return (
                f"top-1 agreement {100 * self.agreement.top1:.1f} % on {self.agreement.count} "
                f"{self.pictures}, need {100 * self.limits.min_agreement:g} %"
            )
        low, high = self.drop.interval.low, self.drop.interval.high
        text = (
            f"top-1 drops by {self.drop.points:.2f} points (95 % interval {low:.2f} to {high:.2f}) "
            f"on {self.drop.count} pictures, allowed {self.limits.max_drop:g}"
        )
        if self.verdict is Verdict.INCONCLUSIVE and self.drop.images_to_settle is not None:
            text += f"; about {self.drop.images_to_settle} pictures would settle it"
        return text


def require_parity(found: Parity) -> Parity:
    """Pass on how a float file compares with its original.

    Raises:
        ParityError: they do not compute the same.
    """
    if found.max_rel > MAX_RELATIVE:
        raise ParityError(
            f"the converted float model differs from the original: by {found.max_rel:.1e} relatively, "
            f"allowed {MAX_RELATIVE:g} (top-1 agreement {100 * found.top1:.1f} % of {found.count} pictures), "
            "so it is wrong; do not ship it, and please report the network"
        )
    return found


def judge(answers: Answers, pictures: Pictures, limits: Limits) -> Verification:
    """Judge a quantized model (second session) by its float twin (first) and, where there are any, labels."""
    exact, quantized = answers.logits
    agreed = agreement(exact, quantized)
    worst = pictures.name(int(answers.indices[agreed.worst_image]))
    about = pictures.description, answers.skipped, worst, agreed
    if answers.labels is None:
        passed = agreed.top1 >= limits.min_agreement
        verdict = Verdict.PASS if passed else Verdict.FAIL
        return Verification(*about, None, None, None, limits, verdict, isa())
    labels = answers.labels
    lost = drop(correct(exact, labels), correct(quantized, labels), limits.max_drop)
    accuracies = accuracy(exact, labels), accuracy(quantized, labels)
    return Verification(*about, *accuracies, lost, limits, lost.verdict, isa())
