"""Fits the weights of ensemble members on labelled pictures that are kept out of the evaluation."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .ensemble import Average, averaged
from .spec import Tensor32

if TYPE_CHECKING:
    from torch import Tensor

_STEPS = 100


def fit_weights(logits: Sequence[Tensor32], labels: NDArray[np.int64], average: Average) -> tuple[float, ...]:
    """The maximum-likelihood weights, positive and summing to one.

    `logits` are (N, classes) for each member, `labels` (N,). The negative log-likelihood is convex in the
    weights, for averages of probabilities and of logits, so there is a single minimum.
    """
    import torch

    members = [torch.from_numpy(answers).double() for answers in logits]
    truth = torch.from_numpy(labels)
    scores = torch.zeros(len(members), 1, dtype=torch.float64, requires_grad=True)  # before the softmax
    search = torch.optim.LBFGS([scores], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> "Tensor":
        search.zero_grad()
        found = torch.nn.functional.cross_entropy(averaged(members, scores.softmax(0), average), truth)
        found.backward()  # type: ignore[no-untyped-call]
        return found

    search.step(loss)  # type: ignore[no-untyped-call]
    return tuple(scores.detach().softmax(0).flatten().tolist())
