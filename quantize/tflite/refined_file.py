"""The refined network as a TFLite file in float: a converted one with its weights, or one of its own."""

from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ...export import tflite
from ...export.artifact import Artifact
from ...export.graph import Network
from ...export.tflite.flatbuffer import unpack
from ...models.spec import ModelSpec
from ..refine import Refined
from .patch import patch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ai_edge_litert.schema_py_generated import ModelT

_converted: "WeakKeyDictionary[Network, bytes]" = WeakKeyDictionary()  # for all files with the same operators


def refined_files(artifact: Artifact, refined: Refined, out: Path) -> "Iterator[ModelT]":
    """First the file of the same operators patched, if it can be; then a conversion of the refined network.

    `artifact` is that of the original network. Files are converted beside `out`, and removed.

    Raises:
        MissingDependencyError, EdgewiseError: as documented for `export.tflite.export`.
    """
    if refined.rewritten is refined.original:
        model = unpack(artifact.path.read_bytes())
    else:
        if refined.rewritten not in _converted:
            _converted[refined.rewritten] = _convert(refined.rewritten, artifact.spec, out)
        model = unpack(_converted[refined.rewritten])
    if patch(model, refined.rewritten, refined.network):
        yield model
    yield unpack(_convert(refined.network, artifact.spec, out))


def _convert(network: Network, spec: ModelSpec, out: Path) -> bytes:
    path = out.with_suffix(".float.tflite")
    try:
        return tflite.export(network, spec, path).path.read_bytes()
    finally:
        path.unlink(missing_ok=True)
