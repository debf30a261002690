"""Keras models as TensorFlow functions from pictures to logits: `.keras`, `.h5` and SavedModels alike.

Keras has no graph of torch's operators, so nothing of it is equalized or corrected: its files are converted
as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import foreign as _foreign
from ..errors import UsageError
from ..model import Model
from ..overrides import Overrides
from ..spec import Tensor32
from . import keras_files as _keras_files
from . import keras_graph as _keras_graph
from .tensorflow import tensorflow

_SAVED_MODEL = "saved_model.pb"


@dataclass(frozen=True, slots=True, eq=False)
class KerasNetwork:
    """`function` is TensorFlow's, (N, size, size, 3) float32 to (N, classes) logits, without variables."""

    function: Any
    size: int

    def __call__(self, batch: Tensor32) -> Tensor32:
        """The logits of normalised pictures."""
        logits: Tensor32 = self.function(tensorflow("Running Keras").constant(batch)).numpy()
        return logits


def is_keras(name: str) -> bool:
    """Whether `name` is that of a `.keras` or `.h5` file, or of the folder of a SavedModel."""
    path = Path(name).expanduser()
    return path.suffix in {".keras", ".h5", ".hdf5"} or (path / _SAVED_MODEL).is_file()


def load_keras(path: Path, overrides: Overrides, announce: Callable[[str], None]) -> Model:
    """The Keras model in `path`, whose softmax, where it ends in one, is left out.

    Raises:
        UsageError: there is no such file, or the model is no image classifier.
        EdgewiseError: it cannot be read, or not without running code from the file.
        MissingDependencyError: tensorflow is not installed.
    """
    if not path.exists():
        raise UsageError(f"{path}: no such Keras model; give a .keras file or the folder of a SavedModel")
    frozen = _keras_files.load(path)
    found, classes = _keras_graph.require_classifier(frozen, path)
    logits, had_softmax = _keras_graph.without_softmax(frozen)
    if had_softmax:
        announce(f"{path.name} ends in a softmax: leaving it out, so that what is exported gives logits")
    size = _foreign.size_of(found, path, overrides)
    if _keras_graph.takes_bytes(logits):
        way, mean, std = "pixels from 0 to 255, which it scales itself", 0.0, 1 / 255
    else:
        way, mean, std = "the way of tf.keras.applications.mobilenet_v2", 0.5, 0.5
    preprocess = _foreign.usual(size, (mean, mean, mean), (std, std, std))
    spec = _foreign.describe(path, preprocess, classes, overrides)
    for line in _foreign.assumed(spec, way, overrides):
        announce(line)
    return Model(KerasNetwork(logits, size), spec)
