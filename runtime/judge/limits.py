"""How much a quantized model may lose, and how good it must be."""

from dataclasses import dataclass

from ...models.errors import UsageError
from .drop import Verdict
from .evaluation import Pictures
from .stats import Accuracy


@dataclass(frozen=True, slots=True)
class Limits:
    """The gates of accuracy.

    `max_drop` is in percentage points of top-1, measured on labelled pictures or estimated on others;
    `min_agreement` is a fraction, for pictures without labels; `min_top1` is in percent, for labelled ones.
    With `strict`, a verdict that is neither PASS nor FAIL fails.
    """

    max_drop: float
    min_agreement: float
    strict: bool = False
    min_top1: float | None = None

    def require_measurable(self, pictures: Pictures | None) -> None:
        """Raise a `UsageError` if `min_top1` is wanted of pictures without labels, or without pictures."""
        if self.min_top1 is not None and (pictures is None or pictures.labels is None):
            raise UsageError(
                f"min_top1 {self.min_top1:g}: an accuracy can only be measured on labelled pictures; pass a "
                "folder of them as data (--data DIR)"
            )

    def of_agreement(self, agreement: float) -> Verdict:
        """Whether enough answers agree with the float model."""
        return Verdict.PASS if agreement >= self.min_agreement else Verdict.FAIL

    def of_top1(self, found: Accuracy) -> Verdict:
        """Whether the accuracy's interval lies at or above `min_top1`, below, or on both sides."""
        least = self.min_top1
        if least is None or 100 * found.top1_interval.low >= least:
            return Verdict.PASS
        return Verdict.FAIL if 100 * found.top1_interval.high < least else Verdict.INCONCLUSIVE
