"""TFLite: float32 inputs and outputs, channels last, one picture at a time.

PyTorch networks are converted by litert-torch, Keras networks by TensorFlow's converter.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from ...models.errors import EdgewiseError, MissingDependencyError
from ...models.foreign.keras import KerasNetwork
from ...models.spec import ModelSpec
from ..artifact import Artifact
from ..graph import Network, first_line
from ..keras import tflite_model
from ..precision import Precision
from .flatbuffer import unpack
from .layers import layers, name_outputs
from .metadata import attach, described

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT


def export(network: "Network | KerasNetwork", spec: ModelSpec, out: Path) -> Artifact:
    """Write `network` to `out`: (1, H, W, C) float32, normalised, to (1, classes) float32 logits.

    Raises:
        MissingDependencyError: litert-torch is not installed, or tensorflow for a Keras network.
        EdgewiseError: an operator of the network has no TFLite form.
    """
    description = f"{spec.name}, float32, weights: {spec.origin.description}"
    if isinstance(network, KerasNetwork):
        out.write_bytes(attach(tflite_model(network, spec.name), spec, description=description))
    else:
        model = _from_torch(network, spec, out)
        out.write_bytes(described(model, spec, description))
    return Artifact(out, "tflite", Precision.FP32, "float32", spec)


def _from_torch(network: Network, spec: ModelSpec, out: Path) -> "ModelT":
    """Convert `network` with litert-torch, by way of `out`, and name its outputs after their modules."""
    import torch

    try:
        import litert_torch
    except ImportError as error:
        raise MissingDependencyError("Exporting to TFLite", "export", "litert-torch") from error

    class ChannelsLast(torch.nn.Module):
        """Has a stable name, from which the converter derives tensor names, wherever this file is moved."""

        __module__ = "edgewise.export.tflite"

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.network(x.permute(0, 3, 1, 2))  # type: ignore[no-any-return]

    try:
        converted = litert_torch.convert(ChannelsLast(), (torch.zeros(1, *spec.preprocess.shape),))
    except Exception as error:
        raise EdgewiseError(f"litert-torch cannot convert {spec.name}: {first_line(error)}") from error
    converted.export(str(out))
    model = unpack(out.read_bytes())
    name_outputs(model, layers(network))
    return model
