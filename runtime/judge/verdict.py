"""The gates that a model must pass before it is reported as a success, or as INT8."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from ...models.errors import AccuracyError, ParityError
from ..machine import isa
from . import wording
from .classes import ClassChange, changes
from .drop import Drop, Verdict, drop, worst
from .estimate import Estimate, estimate
from .evaluation import Pictures
from .known import Known
from .limits import Limits
from .plausibility import warnings
from .stats import Accuracy, Agreement, Parity
from .tally import Tally

# Correct float conversions, from AlexNet to ViT, have relative differences of 1e-6 to 1e-5; wrong ones, 1e-2.
MAX_RELATIVE = 1e-3

_UNKNOWN = Known()


class Basis(StrEnum):
    """What a verdict rests on.

    MEASURED: the drop of accuracy on labelled pictures. ESTIMATED: the drop as the float model's
    probabilities predict it on photographs without labels. FIDELITY: only how closely the answers to
    generated pictures follow the float model's, which proves no accuracy.
    """

    MEASURED = "measured"
    ESTIMATED = "estimated"
    FIDELITY = "fidelity"


@dataclass(frozen=True, slots=True)
class Verification:
    """The quantized model compared with its float model, and the verdict of the gate.

    Without labels `float_accuracy`, `quantized_accuracy` and `drop` are None; photographs have an `estimate`
    instead. `classes` are those that answer otherwise than in float, worst first; `warnings` are sentences
    about what is probably wrong, which do not change the verdict. INT8 arithmetic may depend on the
    instruction set, `isa`.
    """

    pictures: str
    skipped: int
    worst_picture: str
    agreement: Agreement
    float_accuracy: Accuracy | None
    quantized_accuracy: Accuracy | None
    drop: Drop | None
    estimate: Estimate | None
    classes: tuple[ClassChange, ...]
    warnings: tuple[str, ...]
    limits: Limits
    basis: Basis
    verdict: Verdict
    isa: str

    @property
    def passed(self) -> bool:
        """Whether the model passes the gate."""
        undecided = self.verdict in {Verdict.INCONCLUSIVE, Verdict.UNPROVEN}
        return self.verdict is Verdict.PASS or (undecided and not self.limits.strict)

    @property
    def curable(self) -> bool:
        """Whether another form could do better: neither pictures nor the float model are to blame."""
        exact = self.float_accuracy
        hopeless = exact is not None and self.limits.of_top1(exact) is Verdict.FAIL
        unprovable = self.basis is Basis.FIDELITY and self.limits.strict
        return not (hopeless or unprovable or self.verdict is Verdict.UNPROVEN)

    @property
    def title(self) -> str:
        """The verdict in words: 'PASS', 'FAIL', 'PASS (estimated)'."""
        return wording.title(self.verdict, estimated=self.basis is Basis.ESTIMATED)

    def to_json(self) -> dict[str, Any]:
        """Plain data for a manifest or a report."""
        lists = {"classes": [asdict(change) for change in self.classes], "warnings": [*self.warnings]}
        return asdict(self) | lists

    def require(self) -> None:
        """Raise an `AccuracyError` if the model does not pass the gate."""
        if not self.passed:
            estimated = " (estimated)" if self.basis is Basis.ESTIMATED else ""
            raise AccuracyError(f"accuracy gate {self.verdict}{estimated}: {self.reason()}")

    def reason(self) -> str:
        """The numbers behind the verdict, in one sentence."""
        return wording.reason(self)


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


def judge(tally: Tally, pictures: Pictures, limits: Limits, known: Known = _UNKNOWN) -> Verification:
    """Compare a quantized model (second session) with its float model (first) and with any labels.

    Labelled pictures give a measured drop, photographs without labels an estimated one. Generated pictures
    without labels show only whether enough answers agree: the verdict is UNPROVEN or FAIL.

    Raises:
        UsageError: the limits need labels, and there are none.
    """
    limits.require_measurable(pictures)
    exact, quantized = tally.side(0), tally.side(1)
    agreed = tally.agreement(0, 1)
    float_accuracy = quantized_accuracy = lost = guess = None
    changed: tuple[ClassChange, ...] = ()
    if tally.labels is not None:
        basis, before, after = Basis.MEASURED, exact.right, quantized.right
        lost = drop(before, after, limits.max_drop)
        float_accuracy, quantized_accuracy = exact.accuracy, quantized.accuracy
        changed = changes(before, after, tally.labels, known)
        verdicts = [lost.verdict, limits.of_top1(quantized_accuracy)]
    elif pictures.generated:
        basis, verdicts = Basis.FIDELITY, [Verdict.UNPROVEN, limits.of_agreement(agreed.top1)]
    else:
        guess = estimate(tally, limits.max_drop)
        basis, verdicts = Basis.ESTIMATED, [guess.verdict, limits.of_agreement(agreed.top1)]
    return Verification(
        pictures=pictures.description,
        skipped=tally.skipped,
        worst_picture=pictures.name(int(tally.indices[agreed.worst_image])),
        agreement=agreed,
        float_accuracy=float_accuracy,
        quantized_accuracy=quantized_accuracy,
        drop=lost,
        estimate=guess,
        classes=changed,
        warnings=warnings(tally, pictures, known),
        limits=limits,
        basis=basis,
        verdict=worst(verdicts),
        isa=isa(),
    )
