"""Convert a Keras network to TFLite with TensorFlow's converter, or to OpenVINO from its TensorFlow graph."""

from typing import TYPE_CHECKING

from ..models.errors import EdgewiseError
from ..models.foreign.keras import KerasNetwork
from ..models.foreign.tensorflow import tensorflow
from ..models.scratch import scratch_folder
from .engines import importing, reason
from .graph import first_line
from .onnx.graph import INPUT, OUTPUT

if TYPE_CHECKING:
    import openvino as ov

_ARGUMENT = "args_0"  # litert-torch's name for it, which the later steps expect


def tflite_model(network: KerasNetwork, name: str) -> bytes:
    """Convert `network` to a .tflite file with TensorFlow: (1, H, W, C) float32 to (1, classes) logits.

    Raises:
        EdgewiseError: an operator has no TFLite form.
    """
    tf = tensorflow("Exporting Keras to TFLite")
    picture = tf.TensorSpec((1, *network.shape), tf.float32, name=_ARGUMENT)
    one = tf.function(network.function).get_concrete_function(picture)
    with scratch_folder() as folder:
        # From a file: otherwise the model lacks the signature that calibration needs.
        tf.saved_model.save(tf.Module(), str(folder), signatures=one)
        try:
            converted: bytes = tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert()
        except Exception as error:
            raise EdgewiseError(f"TensorFlow cannot convert {name}: {first_line(error)}") from error
    return converted


def openvino_model(network: KerasNetwork, name: str) -> "ov.Model":
    """Convert `network` to OpenVINO: (N, C, H, W) float32 to (N, classes) logits, as for PyTorch networks.

    Raises:
        MissingDependencyError: openvino is not installed.
        EdgewiseError: an operator has no OpenVINO form.
    """
    with importing("Exporting to OpenVINO", "export"):
        import openvino as ov
        from openvino._offline_transformations import apply_moc_transformations
        from openvino.preprocess import PrePostProcessor
    with scratch_folder() as folder:
        file = folder / "frozen.pb"
        file.write_bytes(network.function.graph.as_graph_def().SerializeToString(deterministic=True))
        try:
            model = ov.Core().read_model(file)
        except RuntimeError as error:
            raise EdgewiseError(f"OpenVINO cannot read {name}: {reason(error)}") from error
    for port, called in ((model.input(), INPUT), (model.output(), OUTPUT)):
        port.get_tensor().set_names({called})
        port.get_node().set_friendly_name(called)
    layouts = PrePostProcessor(model)
    layouts.input().tensor().set_layout(ov.Layout("NCHW"))
    layouts.input().model().set_layout(ov.Layout("NHWC"))
    model = layouts.build()
    # Moves the transpose of the input down until it cancels with its inverse before the first convolution.
    apply_moc_transformations(model, cf=True)
    return model
