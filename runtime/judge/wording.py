"""What a verdict says: the numbers behind it, in one sentence."""

from typing import TYPE_CHECKING

from .drop import Drop, Verdict
from .estimate import MOST_DIFFERING, Estimate

if TYPE_CHECKING:
    from .limits import Limits
    from .verdict import Verification

_PROOF = (
    "generated pictures prove no accuracy: judge by labelled pictures (--data DIR), or export with "
    "photographs to calibrate with (--calib DIR), a part of which then estimates the drop"
)


def title(verdict: Verdict, *, estimated: bool) -> str:
    """A verdict in capitals, and that it is estimated, if it is."""
    return f"{verdict.upper()} (estimated)" if estimated else verdict.upper()


def reason(found: "Verification") -> str:
    """The numbers behind the verdict; see `Verification`."""
    if found.drop is not None:
        return _measured(found.drop) + _least(found)
    if found.estimate is not None:
        return _estimated(found.estimate, found.limits) + _agreed(found)
    text = f"top-1 agreement {100 * found.agreement.top1:.1f} % on {found.agreement.count} {found.pictures}"
    required = f"at least {100 * found.limits.min_agreement:g} % required"
    if found.verdict is Verdict.FAIL:
        return f"{text}, {required}"
    return (
        f"{text} ({required}), SQNR {found.agreement.sqnr_db:.1f} dB, cosine {found.agreement.cosine:.4f}; "
        f"{_PROOF}"
    )


def _measured(drop: Drop) -> str:
    points, low, high = drop.points, drop.interval.low, drop.interval.high
    change, limit = "drops by", "allowed"
    if points < 0:
        points, low, high = -points, -high, -low
        change, limit = "gains", "allowed drop"
    text = (
        f"top-1 {change} {points:.2f} points (95 % interval {low:.2f} to {high:.2f}) "
        f"on {drop.count} pictures, {limit} {drop.max_drop_points:g}"
    )
    if drop.verdict is Verdict.INCONCLUSIVE and drop.images_to_settle is not None:
        text += f"; about {drop.images_to_settle} pictures would settle it"
    return text


def _least(found: "Verification") -> str:
    """What the smallest allowed accuracy adds."""
    accuracy, least = found.quantized_accuracy, found.limits.min_top1
    if accuracy is None or least is None:
        return ""
    relation = {
        Verdict.PASS: "at least the required",
        Verdict.FAIL: "below the required",
        Verdict.INCONCLUSIVE: "too few pictures to tell whether that is the required",
    }[found.limits.of_top1(accuracy)]
    return f"; top-1 is {accuracy.text}, {relation} {least:g} %"


def _estimated(found: Estimate, limits: "Limits") -> str:
    interval = found.interval
    text = (
        f"estimated top-1 drop {found.points:.2f} points (95 % interval {interval.low:.2f} to "
        f"{interval.high:.2f}) on {found.count} pictures without labels, allowed {limits.max_drop:g}; "
        f"answers differ on {found.differing}, so that the drop is at most {found.bound:.2f}"
    )
    if found.verdict is not Verdict.INCONCLUSIVE:
        return text
    if interval.high <= limits.max_drop:
        most = f"{MOST_DIFFERING * limits.max_drop:g} % of them, where an estimate is not relied on"
        return f"{text}; that is more than {most}. Labelled pictures (--data DIR) would settle it"
    return f"{text}; more pictures, or labelled ones (--data DIR), would settle it"


def _agreed(found: "Verification") -> str:
    """What the smallest allowed agreement adds, where it is not reached."""
    agreement, least = found.agreement.top1, found.limits.min_agreement
    if agreement >= least:
        return ""
    return f"; top-1 agreement {100 * agreement:.1f} %, at least {100 * least:g} % required"
