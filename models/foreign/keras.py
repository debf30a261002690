"""Keras models (`.keras`, `.h5` and SavedModel) as TensorFlow functions from pictures to logits.

They have no torch graph, so equalization and bias correction do not apply: they are converted as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import announcements
from .. import foreign as _foreign
from ..errors import UsageError
from ..model import Model
from ..overrides import Overrides
from ..sizes import Shape
from ..spec import Tensor32
from . import keras_conventions as _conventions
from . import keras_files as _keras_files
from . import keras_graph as _keras_graph
from .tensorflow import tensorflow

_SAVED_MODEL = "saved_model.pb"


@dataclass(frozen=True, slots=True, eq=False)
class KerasNetwork:
    """`function` is a TensorFlow function from (N, *shape) float32 to (N, classes) logits, frozen."""

    function: Any
    shape: Shape

    def __call__(self, batch: Tensor32) -> Tensor32:
        """The logits for a batch of normalised pictures."""
        logits: Tensor32 = self.function(tensorflow("Running Keras").constant(batch)).numpy()
        return logits


def is_keras(name: str) -> bool:
    """Whether `name` is a `.keras` or `.h5` file, or the folder of a SavedModel."""
    path = Path(name).expanduser()
    return path.suffix in {".keras", ".h5", ".hdf5"} or (path / _SAVED_MODEL).is_file()


def load_keras(path: Path, overrides: Overrides, announce: Callable[[str], None]) -> Model:
    """Load the Keras model in `path`, without its final softmax or sigmoid if it has one.

    Raises:
        UsageError: the file does not exist, or the model is not an image classifier.
        EdgewiseError: it cannot be read, or only by running code from the file.
        MissingDependencyError: tensorflow is not installed.
    """
    if not (path.is_file() or path.is_dir()):  # a pipe may have no end
        raise UsageError(f"{path}: no such Keras model; pass a .keras file or the folder of a SavedModel")
    frozen, halves = _keras_graph.in_float32(_keras_files.load(path))
    if halves:
        announce(
            f"{path.name} computes in {' and '.join(halves)}, as by Keras's mixed precision: taking it to "
            "float32, in which it is converted and judged"
        )
    found, channels, outputs = _keras_graph.require_classifier(frozen, path)
    _foreign.require_channels(channels, path, overrides)
    logits, step = _keras_graph.without_final_step(frozen)
    size = _foreign.size_of(found, path, overrides)
    if _keras_graph.takes_bytes(logits):
        way = "pixels from 0 to 255, which the model scales itself"
        mean, std = (0.0,) * channels, (1 / 255,) * channels
    else:
        convention = _conventions.of(logits) if channels == 3 else _conventions.USUAL
        if convention.reversed_channels and overrides.mean is None and overrides.std is None:
            turned = _keras_graph.with_reversed_channels(logits)
            logits, convention = (turned, convention) if turned else (logits, _conventions.USUAL)
        way, mean, std = convention.way, convention.mean[:channels], convention.std[:channels]
    preprocess = _foreign.usual(size, mean, std)
    spec = _foreign.describe(path, preprocess, outputs, overrides)
    notices = announcements.logits(spec, outputs, step) + _foreign.assumed(spec, way, overrides)
    for line in notices:
        announce(line)
    return Model(KerasNetwork(logits, spec.preprocess.shape), spec)
