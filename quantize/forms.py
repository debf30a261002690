"""Which kind of INT8 suits a network best on a target, if the user did not choose.

LiteRT's XNNPACK has no INT8 layer norm or GELU, so static INT8 splits a transformer into more than a hundred
partitions. INT8 weights with dynamically quantized activations are faster and closer to float: DeiT-Tiny
(untrained, 224 pixels, one thread, x86-64 with VNNI) takes 29 ms in float; 57 ms in static INT8, with 120
partitions and an SQNR of 8 dB; and 14 ms with INT8 weights and dynamic activations, at 32 dB. ONNX Runtime
and OpenVINO keep such operators in float.
"""

from ..export.facts import TARGETS
from ..export.graph import Network
from ..models.captured import operator_name


def without_int8(network: Network, target: str) -> list[str]:
    """The operators of `network` because of which static INT8 is the worse choice on `target`."""
    found = {operator_name(node) for node in network.graph.nodes if node.op == "call_function"}
    return [name for name in TARGETS[target].without_int8 if name in found]
