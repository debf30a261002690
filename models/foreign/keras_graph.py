"""Inspects a frozen TensorFlow function: inputs and outputs, input scaling, a final softmax or sigmoid."""

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError
from ..sizes import Size
from .tensorflow import tensorflow

_PASSED_ON = {"Identity", "Cast"}
_STEPS = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid"}
# The first constant applied to the pixels shows whether they are on the scale 0 to 255 or 0 to 1.
_SMALLEST_GAIN = 1 / 50
_LARGEST_MEAN = 1.5


def require_classifier(function: Any, path: Path) -> tuple[Size | None, int, int]:
    """The size of the picture, None if any is accepted, its channels, and the number of outputs.

    Raises:
        UsageError: it does not map one batch of pictures to one score per class.
    """
    inputs, outputs = ([_words(end) for end in ends] for ends in (function.inputs, function.outputs))
    expected = "need float32 pictures (N, H, W, 3) or (N, H, W, 1) and scores (N, classes)"
    found = f"{path}: takes {', '.join(inputs)} and returns {', '.join(outputs)}"
    if len(inputs) != 1 or len(outputs) != 1:
        raise UsageError(f"{found}; {expected}")
    picture, scores = (list(end[0].shape or ()) for end in (function.inputs, function.outputs))
    fits = len(picture) == 4 and picture[3] in {1, 3} and len(scores) == 2
    if not fits or function.inputs[0].dtype.name != "float32" or not scores[1]:
        raise UsageError(f"{found}; {expected}")
    if picture[0] is not None:
        raise UsageError(f"{found}: the batch size is fixed; save it with an input of shape (None, H, W, C)")
    _, height, width, channels = picture
    return None if None in {height, width} else (height, width), channels, scores[1]


def without_final_step(function: Any) -> tuple[Any, str | None]:
    """`function` up to its logits, and the softmax or sigmoid that followed them, None without one."""
    last = function.outputs[0]
    while last.op.type in _PASSED_ON:
        last = last.op.inputs[0]
    step = _STEPS.get(last.op.type)
    logits = last.op.inputs[0] if step else function.outputs[0]
    graph = function.graph.as_graph_def()
    compat = tensorflow("Cutting a Keras model").compat.v1
    wrapped = compat.wrap_function(lambda: compat.import_graph_def(graph, name=""), [])
    return wrapped.prune(function.inputs[0].name, logits.name), step


def takes_bytes(function: Any) -> bool:
    """Whether it starts by scaling pixels from 0 to 255, as Rescaling and Normalization layers do."""
    pictures = function.inputs[0]
    while True:
        readers = pictures.consumers()
        if len(readers) != 1:
            return False
        (reader,) = readers
        if reader.type not in _PASSED_ON:
            break
        pictures = reader.outputs[0]
    constants = [
        tensorflow("Reading a Keras model").get_static_value(end)
        for end in reader.inputs
        if end.name != pictures.name
    ]
    if len(constants) != 1 or constants[0] is None:
        return False
    largest = float(np.abs(constants[0]).max())
    return {
        "Mul": 0 < largest < _SMALLEST_GAIN,
        "RealDiv": largest > 1 / _SMALLEST_GAIN,
        "Sub": largest > _LARGEST_MEAN,
    }.get(reader.type, False)


def _words(end: Any) -> str:
    sides = ", ".join("?" if side is None else str(side) for side in end.shape or ())
    return f"{end.dtype.name} ({sides})"
