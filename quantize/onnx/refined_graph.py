"""The refined network as an ONNX graph for OpenVINO: the original's operators with refined weights."""

import copy
from typing import TYPE_CHECKING

from ...export.onnx.graph import onnx_graph
from ...models.sizes import Shape
from ..refine import Refined
from .patch import patch

if TYPE_CHECKING:
    from onnx import ModelProto


def refined_graph(refined: Refined, picture: int | Shape) -> "ModelProto":
    """The refined network with the original activations instead of the rewritten ones, which are equivalent.

    The rewrites are for runtimes that lack an INT8 form of the original. OpenVINO fuses hard-swish with the
    convolution before it; with rewrites, 18 convolutions of MobileNetV3-Small stayed in float.

    Raises:
        MissingDependencyError, EdgewiseError: as documented for `onnx_graph`.
    """
    patched = copy.deepcopy(onnx_graph(refined.original, picture))
    if patch(patched, refined.original, refined.network):
        return patched
    network = copy.deepcopy(refined.original)
    network.load_state_dict(refined.network.state_dict())
    return onnx_graph(network, picture)
