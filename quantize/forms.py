"""Which form of INT8 serves a network best on a target, where the user leaves it open.

LiteRT's XNNPACK has no INT8 form of layer norm and GELU, so static INT8 breaks a transformer into more than
a hundred pieces. INT8 weights with activations scaled for each picture are faster and closer to float:
DeiT-Tiny (untrained, 224 pixels, one thread, x86-64 with VNNI) takes 29 ms in float, 57 ms in static INT8, in
120 pieces and with an SQNR of 8 dB, and 14 ms with 32 dB so. ONNX Runtime and OpenVINO leave such operators
in float.
"""

from ..export.facts import TARGETS
from ..export.graph import Network
from .refine.simulation import operator


def without_int8(network: Network, target: str) -> list[str]:
    """The operators of `network` that make static INT8 the worse form on `target`."""
    found = {operator(node) for node in network.graph.nodes if node.op == "call_function"}
    return [name for name in TARGETS[target].without_int8 if name in found]
