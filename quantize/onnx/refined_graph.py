"""The refined network as an ONNX graph for OpenVINO: the operators of the original, with other weights."""

import copy
from typing import TYPE_CHECKING

from ...export.onnx.graph import onnx_graph
from ..refine import Refined
from .patch import patch

if TYPE_CHECKING:
    from onnx import ModelProto


def refined_graph(refined: Refined, size: int) -> "ModelProto":
    """The refined network without its rewritten activations, which compute the same as those of the original.

    They are for runtimes that have no INT8 form of the original's. OpenVINO fuses a hard-swish with its
    convolution; rewritten, 18 convolutions of MobileNetV3-small stayed in float.

    Raises:
        MissingDependencyError, EdgewiseError: as `onnx_graph` says.
    """
    patched = copy.deepcopy(onnx_graph(refined.original, size))
    if patch(patched, refined.original, refined.network):
        return patched
    network = copy.deepcopy(refined.original)
    network.load_state_dict(refined.network.state_dict())
    return onnx_graph(network, size)
