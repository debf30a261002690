"""How much a quantized model depends on which pictures calibrated it.

Two models that differ only in their calibration pictures, one half of them each, answer the same pictures.
Where they differ, so would the model that a user ships, had they drawn other pictures: the drop that was
measured holds for one draw among many.
"""

from dataclasses import asdict, dataclass
from typing import Any

from .drop import drop
from .estimate import estimate
from .limits import Limits
from .stats import Agreement, Interval
from .tally import Tally


@dataclass(frozen=True, slots=True)
class Stability:
    """Two INT8 models, each calibrated with `calibrated` pictures that the other has not seen.

    `agreement` is that of the two with each other. `drops` are what each loses against the float model, in
    percentage points of top-1: measured on labelled pictures, estimated on photographs, None on generated
    pictures. `difference` is the 95 % interval of the difference between the two, where it was measured.
    """

    calibrated: int
    agreement: Agreement
    drops: tuple[float, float] | None
    difference: Interval | None
    limits: Limits

    @property
    def spread(self) -> float | None:
        """How far apart the two drops are, in points; None on generated pictures."""
        return None if self.drops is None else abs(self.drops[0] - self.drops[1])

    @property
    def stable(self) -> bool:
        """Whether the two differ by no more than a model may lose.

        A measured difference counts only if its interval excludes zero: a few pictures decide it otherwise.
        """
        if self.spread is None:
            return self.agreement.top1 >= self.limits.min_agreement
        sure = self.difference is None or not self.difference.low <= 0 <= self.difference.high
        return self.spread <= self.limits.max_drop or not sure

    @property
    def text(self) -> str:
        """The figures in one line."""
        found = self.agreement
        line = (
            f"calibrated with either half of the pictures ({self.calibrated} each), answers agree on "
            f"{100 * found.top1:.1f} % of {found.count}, cosine {found.cosine:.4f}"
        )
        if self.drops is None:
            return line
        kind = "estimated drops" if self.difference is None else "drops"
        return f"{line}; {kind} of {self.drops[0]:.2f} and {self.drops[1]:.2f} points"

    def warning(self) -> str | None:
        """What to tell the user if the calibration pictures decide too much."""
        if self.stable:
            return None
        limit = self.limits
        allowed = (
            f"at least {100 * limit.min_agreement:g} % of them should"
            if self.drops is None
            else f"{limit.max_drop:g} allowed"
        )
        return (
            f"the result depends on the choice of calibration pictures: {self.text} ({allowed}); give more "
            "of them (--calib-count), of every kind that the model will see"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data for a manifest."""
        return {key: value for key, value in asdict(self).items() if key != "limits"} | {
            "stable": self.stable
        }


def stability(calibrated: int, tally: Tally, limits: Limits, *, generated: bool) -> Stability:
    """Compare two models (second and third session) that differ in their calibration alone.

    Args:
        calibrated: How many pictures calibrated each of the two.
        tally: Of the float model, and of the two.
        limits: How much a model may lose.
        generated: Whether the pictures are generated, so that they have no drop without labels.
    """
    drops = difference = None
    if tally.labels is not None:
        right = [tally.side(session).right for session in range(3)]
        one, other = (drop(right[0], half, limits.max_drop).points for half in right[1:])
        drops, difference = (one, other), drop(right[1], right[2], limits.max_drop).interval
    elif not generated:
        one, other = (estimate(tally.of_sessions(0, half), limits.max_drop).points for half in (1, 2))
        drops = one, other
    return Stability(calibrated, tally.agreement(1, 2), drops, difference, limits)
