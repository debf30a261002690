"""What averages the members of an ensemble, and stays in float in an INT8 file.

256 steps cannot hold a probability whose logarithm is still to come: such files gave NaN. The mean of logits
lost as much as all layers before it (25 dB). It is a few values a class, so that float costs nothing: with it
an INT8 ensemble gives what its INT8 members give, averaged by hand (143 dB).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

_SOFTMAX = {"SOFTMAX", "LOGSOFTMAX"}
_LAYERS = {  # of TFLite, ONNX and OpenVINO, without '_'
    "BATCHMATMUL",
    "CONV",
    "CONV2D",
    "CONVOLUTION",
    "CONVTRANSPOSE",
    "DEPTHWISECONV2D",
    "FULLYCONNECTED",
    "GEMM",
    "GROUPCONVOLUTION",
    "MATMUL",
    "TRANSPOSECONV",
}


@dataclass(frozen=True, slots=True)
class TailOperator:
    """An operator of any format: what it is called, its type, the tensors that it reads and writes."""

    name: str
    kind: str
    reads: Sequence[Hashable]
    writes: Sequence[Hashable]


def tail(operators: Sequence[TailOperator]) -> list[str]:
    """The names of a softmax, or of what joins the results of several layers, and of all that follows it.

    Only where no layer comes after: attention and residual blocks are no tail. `operators` stand in the order
    in which they run.
    """
    before, after = _around_layers(operators)
    written: set[Hashable] = set()
    names = []
    for operator in operators:
        starts = _kind(operator) in _SOFTMAX or len(after.intersection(operator.reads)) > 1
        if not written.isdisjoint(operator.reads) or (starts and before.isdisjoint(operator.writes)):
            names.append(operator.name)
            written.update(operator.writes)
    return names


def _around_layers(operators: Sequence[TailOperator]) -> tuple[set[Hashable], set[Hashable]]:
    """The tensors that a layer reads, and those that it writes, each directly or through others."""
    before: set[Hashable] = set()
    after: set[Hashable] = set()
    for operator in reversed(operators):
        if _kind(operator) in _LAYERS or not before.isdisjoint(operator.writes):
            before.update(operator.reads)
    for operator in operators:
        if _kind(operator) in _LAYERS or not after.isdisjoint(operator.reads):
            after.update(operator.writes)
    return before, after


def _kind(operator: TailOperator) -> str:
    return operator.kind.upper().replace("_", "")
