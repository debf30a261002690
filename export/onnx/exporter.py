"""ONNX: one file, (N, C, H, W) float32 pictures, normalised, to (N, classes) float32 logits; N is dynamic.

The file describes itself in `metadata_props`, which ONNX Runtime returns from `get_modelmeta()`. Every value
is a string; those marked with a star are JSON:

    producer      'edgewise'
    name          the architecture, 'mobilenetv2'
    precision     a `Precision` by its name, 'w8a8'
    labels*       the class names in the order of the logits; of a single logit, negative and positive
    label_ids*    their ids (such as WordNet's) in the same order; omitted if there are none
    input_layout  'NCHW', with channels in the order red, green, blue, or grey alone
    mean*, std*   per channel: the input is (pixel / 255 - mean) / std
    preprocess*   all of `Preprocess`: size, resize, mean, std, interpolation
    origin*       where the weights came from: source, description, sha256
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ...models.errors import UsageError
from ...models.foreign.keras import KerasNetwork
from ...models.spec import ModelSpec
from ..artifact import Artifact
from ..precision import Precision
from .graph import onnx_graph, strip

if TYPE_CHECKING:
    from onnx import ModelProto

    from ..graph import Network

_PRODUCER = "edgewise"


def export(network: "Network | KerasNetwork", spec: ModelSpec, out: Path) -> Artifact:
    """Write `network` to `out` in float32.

    Raises:
        UsageError: it is a Keras network.
        MissingDependencyError: onnx or onnxscript is not installed.
        EdgewiseError: an operator of the network has no ONNX form.
    """
    if isinstance(network, KerasNetwork):
        raise UsageError(
            f"{spec.name} is a Keras model, which exports to tflite and openvino only; leave out onnx"
        )
    graph = onnx_graph(network, spec.preprocess.shape)
    model = type(graph)()
    model.CopyFrom(graph)
    return save(model, Artifact(out, "onnx", Precision.FP32, "float32", spec))


def save(model: "ModelProto", artifact: Artifact) -> Artifact:
    """Add the metadata of `artifact` to `model`, check it and write it; equal models give equal bytes."""
    import onnx

    strip(model)
    model.producer_name, model.graph.name = _PRODUCER, artifact.spec.name
    model.ClearField("producer_version")
    onnx.helper.set_model_props(model, _metadata(artifact))
    onnx.checker.check_model(model, full_check=True)
    artifact.path.write_bytes(model.SerializeToString(deterministic=True))
    return artifact


def _metadata(artifact: Artifact) -> dict[str, str]:
    spec = artifact.spec
    structured = {
        "labels": spec.labels.names,
        "label_ids": spec.labels.ids,
        "mean": spec.preprocess.mean,
        "std": spec.preprocess.std,
        "preprocess": asdict(spec.preprocess),
        "origin": asdict(spec.origin),
    }
    return {
        "producer": _PRODUCER,
        "name": spec.name,
        "precision": artifact.precision,
        "input_layout": "NCHW",
        **{key: json.dumps(value) for key, value in structured.items() if value},
    }
