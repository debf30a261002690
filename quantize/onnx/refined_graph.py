"""The refined network as ONNX graphs for OpenVINO: the original's operators with refined weights."""

import copy
from typing import TYPE_CHECKING

from ...export.onnx.graph import onnx_graph
from ...models.sizes import Shape
from ..refine import Refined
from .patch import patch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import ModelProto


def refined_graphs(refined: Refined, picture: int | Shape) -> "Iterator[ModelProto]":
    """The refined network with the original activations instead of the rewritten ones, which are equivalent.

    First the original's graph patched, if it can be; then a second conversion.

    The rewrites are for runtimes that lack an INT8 form of the original. OpenVINO fuses hard-swish with the
    convolution before it; with rewrites, 18 convolutions of MobileNetV3-Small stayed in float.

    Raises:
        MissingDependencyError, EdgewiseError: as documented for `onnx_graph`.
    """
    patched = copy.deepcopy(onnx_graph(refined.original, picture))
    if patch(patched, refined.original, refined.network):
        yield patched
    network = copy.deepcopy(refined.original)
    network.load_state_dict(refined.network.state_dict())
    yield onnx_graph(network, picture)
