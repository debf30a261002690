"""The refined network as a float TFLite file: the exported one with its weights, or a second conversion."""

from typing import TYPE_CHECKING

from ...export import tflite
from ...export.tflite.flatbuffer import unpack
from .patch import patch
from .rewrites import rewrite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ai_edge_litert.schema_py_generated import ModelT

    from ...export.artifact import Artifact
    from ..refine import Refined


def refined_files(artifact: "Artifact", refined: "Refined", out: "Path") -> "Iterator[ModelT]":
    """First the file of the original network changed, if it can be; then a conversion of the refined one.

    `artifact` is that of the original network. The conversion lies beside `out` while it is read.

    Raises:
        MissingDependencyError, EdgewiseError: as documented for `export.tflite.export`.
    """
    model = unpack(artifact.path.read_bytes())
    if patch(model, refined.original, refined.network):
        if refined.rewrites:
            rewrite(model)
        yield model
    converted = tflite.export(refined.network, artifact.spec, out.with_suffix(".float.tflite")).path
    try:
        yield unpack(converted.read_bytes())
    finally:
        converted.unlink()
