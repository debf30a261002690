"""Find the operators that average the members of an ensemble; they stay in float in an INT8 file.

256 steps are too few for a probability whose logarithm is still to be taken: such files returned NaN. The
mean of logits in INT8 lost as much as all layers before it (25 dB). Float costs next to nothing for a few
values per class, and with it an INT8 ensemble equals the average of its INT8 members (143 dB).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

_SOFTMAX = {"SOFTMAX", "LOGSOFTMAX"}
_LAYERS = {  # type names in TFLite, ONNX and OpenVINO, without '_'
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
    """An operator of any format: its name, its type, and the tensors that it reads and writes."""

    name: str
    kind: str
    reads: Sequence[Hashable]
    writes: Sequence[Hashable]


def tail(operators: Sequence[TailOperator]) -> list[str]:
    """The names of the last softmax or merge of several layers' results, and of all operators after it.

    Only if no layer follows: attention and residual blocks do not count. `operators` are in the order in
    which they run.
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
    """The tensors that any layer reads and those that any layer writes, directly or through others."""
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
