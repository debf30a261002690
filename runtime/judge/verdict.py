"""The gates that a model must pass before it is reported as a success, or as INT8."""

from dataclasses import asdict, dataclass
from typing import Any

from ...models.errors import AccuracyError, ParityError
from ..machine import isa
from .drop import Drop, Verdict, drop
from .evaluation import Answers, Pictures
from .stats import Accuracy, Agreement, Parity, accuracy, agreement, correct

# Correct float conversions, from AlexNet to ViT, have relative differences of 1e-6 to 1e-5; wrong ones, 1e-2.
MAX_RELATIVE = 1e-3


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a quantized model may lose.

    `max_drop` is in percentage points of top-1, for labelled pictures; `min_agreement` is a fraction, for
    pictures without labels. With `strict`, an inconclusive result fails.
    """

    max_drop: float
    min_agreement: float
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """The quantized model compared with its float model, and the verdict of the gate.

    Without labels `float_accuracy`, `quantized_accuracy` and `drop` are None and the gate is agreement.
    INT8 arithmetic may depend on the instruction set, `isa`.
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
        """Whether the model passes the gate."""
        return self.verdict is Verdict.PASS or (
            self.verdict is Verdict.INCONCLUSIVE and not self.limits.strict
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data for a manifest or a report."""
        return asdict(self)

    def require(self) -> None:
        """Raise an `AccuracyError` if the model does not pass the gate."""
        if not self.passed:
            raise AccuracyError(f"accuracy gate {self.verdict}: {self.reason()}")

    def reason(self) -> str:
        """The numbers behind the verdict, in one sentence."""
        if self.drop is None:
            return (
                f"top-1 agreement {100 * self.agreement.top1:.1f} % on {self.agreement.count} "
                f"{self.pictures}, at least {100 * self.limits.min_agreement:g} % required"
            )
        points, low, high = self.drop.points, self.drop.interval.low, self.drop.interval.high
        change, limit = "drops by", "allowed"
        if points < 0:
            points, low, high = -points, -high, -low
            change, limit = "gains", "allowed drop"
        text = (
            f"top-1 {change} {points:.2f} points (95 % interval {low:.2f} to {high:.2f}) "
            f"on {self.drop.count} pictures, {limit} {self.limits.max_drop:g}"
        )
        if self.verdict is Verdict.INCONCLUSIVE and self.drop.images_to_settle is not None:
            text += f"; about {self.drop.images_to_settle} pictures would settle it"
        return text


def require_parity(found: Parity) -> Parity:
    """Check a float file's parity with its original and return it.

    Raises:
        ParityError: they compute different results.
    """
    if found.max_rel > MAX_RELATIVE:
        raise ParityError(
            f"the converted float model differs from the original by a relative {found.max_rel:.1e}, "
            f"allowed {MAX_RELATIVE:g} (top-1 agreement {100 * found.top1:.1f} % of {found.count} pictures), "
            "so it is wrong; do not ship it, and please report the network"
        )
    return found


def judge(answers: Answers, pictures: Pictures, limits: Limits) -> Verification:
    """Compare a quantized model (second session) with its float model (first) and with any labels."""
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
