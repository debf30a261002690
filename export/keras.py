"""A Keras network as TFLite, by TensorFlow's own converter, and as OpenVINO reads TensorFlow's graphs."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..models.errors import EdgewiseError
from ..models.foreign.keras import KerasNetwork
from ..models.foreign.tensorflow import tensorflow
from .engines import importing, reason
from .graph import first_line
from .onnx.graph import INPUT, OUTPUT

if TYPE_CHECKING:
    import openvino as ov

_ARGUMENT = "args_0"  # as litert-torch calls it, for all that comes after


def tflite_model(network: KerasNetwork, name: str) -> bytes:
    """A .tflite file of `network` by TensorFlow's own converter: (1, S, S, 3) float32 to (1, classes) logits.

    Raises:
        EdgewiseError: an operator has no TFLite form.
    """
    tf = tensorflow("Exporting Keras to TFLite")
    picture = tf.TensorSpec((1, network.size, network.size, 3), tf.float32, name=_ARGUMENT)
    one = tf.function(network.function).get_concrete_function(picture)
    with TemporaryDirectory() as folder:
        # From a file, because only so the model gets the signature that calibration goes by.
        tf.saved_model.save(tf.Module(), folder, signatures=one)
        try:
            converted: bytes = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
        except Exception as error:
            raise EdgewiseError(f"TensorFlow cannot convert {name}: {first_line(error)}") from error
    return converted


def openvino_model(network: KerasNetwork, name: str) -> "ov.Model":
    """OpenVINO's form of `network`: (N, 3, S, S) float32 to (N, classes) logits, as of networks in PyTorch.

    Raises:
        MissingDependencyError: openvino is not installed.
        EdgewiseError: an operator has no OpenVINO form.
    """
    with importing("Exporting to OpenVINO", "export"):
        import openvino as ov
        from openvino._offline_transformations import apply_moc_transformations
        from openvino.preprocess import PrePostProcessor
    with TemporaryDirectory() as folder:
        file = Path(folder, "frozen.pb")
        file.write_bytes(network.function.graph.as_graph_def().SerializeToString(deterministic=True))
        try:
            model = ov.Core().read_model(file)
        except RuntimeError as error:
            raise EdgewiseError(f"OpenVINO cannot read {name}: {reason(error)}") from error
    for end, called in ((model.input(), INPUT), (model.output(), OUTPUT)):
        end.get_tensor().set_names({called})
        end.get_node().set_friendly_name(called)
    ends = PrePostProcessor(model)
    ends.input().tensor().set_layout(ov.Layout("NCHW"))
    ends.input().model().set_layout(ov.Layout("NHWC"))
    model = ends.build()
    # The transposition of the pictures sinks until it meets its inverse before the first convolution.
    apply_moc_transformations(model, cf=True)
    return model
