"""OpenVINO IR: an .xml file with the operations and a .bin file with the weights.

It is converted from the ONNX graph of a PyTorch network or the TensorFlow graph of a Keras network:
`openvino.convert_model` takes longer for the same result and reports its use to Intel.
"""

import json
import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...models.errors import EdgewiseError
from ...models.foreign.keras import KerasNetwork
from ...models.spec import ModelSpec
from ..artifact import Artifact
from ..engines import importing, reason
from ..graph import Network
from ..keras import openvino_model
from ..onnx.graph import onnx_graph
from ..precision import Precision

if TYPE_CHECKING:
    import openvino as ov
    from onnx import ModelProto

LAYERS = ("Convolution", "GroupConvolution", "MatMul")

_COUNTED = re.compile(r"^([A-Z][A-Za-z]*)_(\d+)")


def export(network: "Network | KerasNetwork", spec: ModelSpec, out: Path) -> Artifact:
    """Write `network` to `out` as .xml and .bin: (N, C, H, W) float32, normalised, to (N, classes) logits.

    Raises:
        MissingDependencyError: openvino is not installed; or, for a PyTorch network, onnx or onnxscript.
        EdgewiseError: an operator of the network has no OpenVINO form.
        UsageError: a class name is not a single line of text.
    """
    if isinstance(network, KerasNetwork):
        model = openvino_model(network, spec.name)
    else:
        model = read(onnx_graph(network, spec.preprocess.shape), network)
    describe(model, spec)
    return Artifact(save(model, out), "openvino", Precision.FP32, "float32", spec)


def read(graph: "ModelProto", network: Network) -> "ov.Model":
    """Convert the ONNX `graph` of `network` to OpenVINO, with layers named after their modules."""
    with importing("Exporting to OpenVINO", "export"):
        import openvino as ov
        from openvino._offline_transformations import apply_moc_transformations
    try:
        model = ov.Core().read_model(graph.SerializeToString())
    except RuntimeError as error:
        raise EdgewiseError(f"OpenVINO cannot read the network's ONNX graph: {reason(error)}") from error
    _name_layers(model, network)
    # The last step of every OpenVINO converter; it simplifies biases and makes ReLU6 one operation.
    apply_moc_transformations(model, cf=True)
    return model


def describe(model: "ov.Model", spec: ModelSpec) -> None:
    """Add preprocessing and labels to `model`: approximate for OpenVINO's Model API, exact for edgewise.

    The Model API cannot express resizing and then cropping less than that: its 'crop' takes the largest
    centred part of the input's proportions and resizes it, its 'standard' resizes the whole picture, both
    always bilinear. The section 'edgewise' is exact.
    Model API: https://github.com/open-edge-platform/model_api, guide "Model configuration".
    """
    import openvino as ov

    spec.labels.text()  # rejects names that are not a single line
    preprocess = spec.preprocess
    model_info = {
        "model_type": "Classification",
        "labels": " ".join(re.sub(r"\s", "_", name) for name in spec.labels.names),  # space-separated
        "mean_values": " ".join(f"{255 * value:.7g}" for value in preprocess.mean),
        "scale_values": " ".join(f"{255 * value:.7g}" for value in preprocess.std),
        # The Model API gets BGR from OpenCV; the model takes RGB or grey.
        "reverse_input_channels": str(preprocess.channels == 3),
        "resize_type": "crop" if isinstance(preprocess.resize, int) else "standard",
        "pad_value": "0",
        "multilabel": "False",
        "output_raw_scores": "True",
    }
    exact = {
        "name": spec.name,
        "preprocess": json.dumps(asdict(preprocess)),
        "origin": json.dumps(asdict(spec.origin)),
    }
    for section, entries in {"model_info": model_info, "edgewise": exact}.items():
        for key, value in entries.items():
            model.set_rt_info(value, [section, key])
    model.get_parameters()[0].set_layout(ov.Layout("NCHW"))


def save(model: "ov.Model", out: Path, *, half: bool = False) -> Path:
    """Write `model` to `out` as .xml, and its weights next to it as .bin; `half` stores them in float16."""
    import openvino as ov

    _recount(model)
    path = out.with_suffix(".xml")
    ov.save_model(model, path, compress_to_fp16=half)
    return path


def _name_layers(model: "ov.Model", network: Network) -> None:
    """Name every layer after its module, found by its weight, which may pass through a Reshape."""
    weights = {
        name: value.detach().numpy()
        for name, value in network.named_parameters()
        if name.endswith("weight") and value.dim() > 1
    }
    # The ONNX exporter transposes the weights of linear layers in nn.Sequential, which lose their names.
    transposed = {name: value.T for name, value in weights.items() if value.ndim == 2}
    for operation in model.get_ordered_ops():
        if operation.get_type_name() not in LAYERS:
            continue
        source = operation.input_value(1).get_node()
        while source.get_type_name() == "Reshape":
            source = source.input_value(0).get_node()
        if source.get_type_name() != "Constant":
            continue
        name = source.get_friendly_name()
        if name not in weights:
            name = next((key for key, value in transposed.items() if np.array_equal(value, source.data)), "")
        if name:
            operation.set_friendly_name(name.removesuffix(".weight"))


def _recount(model: "ov.Model") -> None:
    """Renumber unnamed operations from 0: OpenVINO's counter is global to the process."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for operation in model.get_ordered_ops():
        name = operation.get_friendly_name()
        if match := _COUNTED.match(name):
            old, kind = match[0], match[1]
            if old not in names:
                names[old] = f"{kind}_{counts[kind]}"
                counts[kind] += 1
            operation.set_friendly_name(names[old] + name[match.end() :])
