"""The drop of top-1 accuracy without labels, estimated from the float model's own probabilities.

The float model's softmax says how likely each answer is to be right. Where the quantized model answers
otherwise, it loses the probability of the float model's answer and gains that of its own:

    drop = mean over pictures of d,    d = p(float model's answer) - p(quantized model's answer)

Both probabilities are the float model's, so d is 0 where the answers agree and never negative. Estimates of
accuracy from a model's confidence: differences of confidences (arXiv 2107.03315), average thresholded
confidence (2201.04234), agreement (2206.13089).

How it errs: an underconfident float model, such as one trained with label smoothing, makes the estimate too
low, an overconfident one too high. MobileNetV2 with ImageNet weights answers with a mean confidence of 70 %
and is right on 87 % of 500 photographs; an INT8 file that loses 6.6 points there is estimated to lose 4.5.
Three things make up for that:

- One picture on which the quantized model loses everything (d = 1) is added before the upper end of the
  interval is found. If no answer differs among n pictures, the interval ends at about 3/n, which is the rule
  of three (Hanley and Lippman-Hand, JAMA 249:1743, 1983).
- The drop cannot exceed the share of pictures on which the answers differ, whatever the probabilities say;
  `bound` is the upper end of that share's interval.
- Where the answers differ on more pictures than `MOST_DIFFERING` times the limit, nothing passes.
"""

from dataclasses import dataclass

import numpy as np

from .drop import Verdict, verdict_of
from .stats import Interval, Vector, wilson
from .tally import Tally

# In benchmarks/gate.md the true drop reaches two thirds of the share that differs, up to a share of 12 %. So
# four times the limit leaves room for little more than twice the limit. No file there that differs by up to
# 4 % loses more than 1.2 points, the limit being 1; the first to lose 2 differs by 4.4 %.
MOST_DIFFERING = 4.0

_DRAWS, _SEED = 2000, 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimated drop of top-1 accuracy in percentage points, and the verdict about the limit.

    `points` is the mean of d over `count` pictures, and `interval` its 95 % interval as the module describes
    it, which need not be centred. The answers differ on `differing` pictures; `bound` is the upper end of
    the 95 % interval of that share in points, which the true drop cannot exceed. `confidence` is the float
    model's mean probability of its own answers, in [0, 1]: the accuracy that it expects of itself.
    """

    points: float
    interval: Interval
    verdict: Verdict
    differing: int
    bound: float
    confidence: float
    count: int
    max_drop_points: float


def estimate(tally: Tally, max_drop_points: float) -> Estimate:
    """Judge a quantized model (second session) without labels, by what its float model (first) expects.

    The same input gives the same result.
    """
    confidence = tally.side(0).confidence
    losses = confidence - tally.pair(0, 1)["trust"]
    differing = int((~tally.same(0, 1)).sum())
    count, limit = len(losses), float(max_drop_points)
    interval = _interval(losses)
    return Estimate(
        points=100 * float(losses.mean()),
        interval=interval,
        verdict=_verdict(interval, differing / count, limit),
        differing=differing,
        bound=100 * wilson(differing, count).high,
        confidence=float(confidence.mean()),
        count=count,
        max_drop_points=limit,
    )


def _verdict(interval: Interval, differing: float, limit: float) -> Verdict:
    found = verdict_of(interval, limit)
    if found is Verdict.PASS and 100 * differing > MOST_DIFFERING * limit:
        return Verdict.INCONCLUSIVE
    return found


def _interval(losses: Vector) -> Interval:
    """Percentiles of the bootstrapped mean in points: the lower of the pictures, the upper with one added."""
    low, _ = _percentiles(losses)
    _, high = _percentiles(np.append(losses, 1.0))
    mean = float(losses.mean())  # sums in another order are rounded otherwise
    return Interval(100 * min(low, mean), 100 * max(high, mean))


def _percentiles(losses: Vector) -> tuple[float, float]:
    """The 95 % percentile interval of the mean (Efron and Tibshirani, 1993, chapter 13).

    How often a sample draws a picture that loses something is a binomial number; the others add nothing.
    """
    picks, lost = np.random.default_rng(_SEED), losses[losses > 0]
    if not len(lost):
        return 0.0, 0.0
    drawn = picks.binomial(len(losses), len(lost) / len(losses), size=_DRAWS)
    sample = np.repeat(np.arange(_DRAWS), drawn)
    sums = np.bincount(sample, lost[picks.integers(len(lost), size=len(sample))], minlength=_DRAWS)
    low, high = np.percentile(sums / len(losses), [2.5, 97.5])
    return float(low), float(high)
